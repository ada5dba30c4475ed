"""The few values that conditions and requests are both drawn from, so that about as many requests meet one as miss it.

Many are easy to get wrong: escapes, dots, doubled headers, empty parameters, ports, upper case.
"""

from __future__ import annotations

HOSTS = ("a.example.com", "b.example.com", "a.b.example.com", "*.example.com", "*.b.example.com", "*")
MESH_HOSTS = (*HOSTS[:-1], "shop", "cart", "*.com")
AUTHORITIES = (
    *("a.example.com", "A.Example.com", "b.example.com", "a.b.example.com", "x.b.example.com", ".example.com"),
    *("a.example.com:8080", "a.example.com:80", "a.example.com:", "example.com", "other", "[::1]:80", "aexample.com"),
    *("api.b.c", "api.c:80", "y-x.com", "shop", "shop:80", "shop.default", "cart.default.svc.cluster.local:80", "CART"),
)
PATHS = (
    *("/", "/a", "/A", "/a/", "/a/b", "/a/b/c", "/ab", "/b", "/a.html", "/a/b.css", "/12", "/a-b_c~d", "/a;v=1"),
    *("//", "//a", "/a//b", "/a/../b", "/a/./b", "/a/..", "/..", "/a/.", "/../a", "/a/b/../../..", "/.a", "/..."),
    *(
        "/%61",
        "/%41",
        "/a%2Fb",
        "/a%2fb",
        "/a%20b",
        "/a/%2e%2e/b",
        "/%2E/a",
        "/a%7Eb",
        "/a%5Fb",
        "/a%zz",
        "/%e4",
        "/%25",
    ),
    *("/a\\b", "/\\a", "/a|b", "/a{b}", "/a^b", '/a"b', "/a<b>", "/a`b", "/a'b(c)*!$,:@=+&[]", "/a%3Fb", "/a%23b"),
    *("/a#b", "/%00", "*", "a", "/a?b#c"),
)
QUERIES = (
    *("", "", "", "?", "?x", "?x=", "?x=1", "?x=1&x=2", "?x=2&x=1", "?y=1&x=a", "?x=a%20b", "?x=1?y=2", "?X=1"),
    *("?=1", "?&&x=1", "?x=a=b", "?y", "?x=A", "?xx=1", "?x=/../a"),
)
PATTERNS = (
    *(r"/a.*", r"/[ab]+/?", r"/a/(b|c)", r"(?i)/A", r"/\w+", r"/[[:alpha:]]+", r"/a\z", r"\Q/a.html\E", r"^/a$"),
    *(
        r"/.+\.(html|css)",
        r"/\pL+",
        r"/(?i:a)/b",
        r".*",
        r"/a|/b",
        r"/(?i)a|/b",
        r"/\d{2}",
        r"/[^/]+",
        r"/a(/b)*?(/c)?",
    ),
    *(r"(?U)/a.*", r"/\S+", r"/[\w.-]+", r"(?s).+", r"/\x61", r"/[a-c/]+", r"/(?P<first>[^/]+)/(?P<second>.+)"),
)
VALUES = ("a", "A", "ab", "1", "12", "", "a,b", "b,a", "a b")
VALUE_PATTERNS = (r"a.*", r"[0-9]+", r"(?i)a", r"a|1", r".*", r"\w+", r"a,b", r"^a$", r"[^a]+", r"\s*")
HEADERS = ("x-a", "x-b", "X-C")
METHODS = ("GET", "POST", "OPTIONS", "HEAD", "PUT", "DELETE", "CUSTOM")
