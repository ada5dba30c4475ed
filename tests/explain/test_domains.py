"""The search for a virtual host."""

from __future__ import annotations

import pytest

from xds.explain.domains import find_host, without_port

DOMAINS = ("a.example.com", "*.example.com", "*.b.example.com", "*-x.com", "api.*", "api.b.*", "*", "Upper.com", "p:80")


@pytest.mark.parametrize(
    ("authority", "domain"),
    [
        ("a.example.com", "a.example.com"),
        ("A.EXAMPLE.com", "a.example.com"),
        ("upper.COM", "Upper.com"),
        ("c.example.com", "*.example.com"),
        ("a.b.example.com", "*.b.example.com"),
        ("b.example.com", "*.example.com"),
        (".b.example.com", "*.example.com"),
        (".example.com", "*"),
        ("example.com", "*"),
        ("y-x.com", "*-x.com"),
        ("api.b.com", "api.b.*"),
        ("api.c", "api.*"),
        ("api.", "*"),
        ("api.example.com", "*.example.com"),
        ("other", "*"),
        ("a.example.com:8080", "a.example.com"),
        ("[::1]:80", "*"),
    ],
)
def test_exact_then_longest_suffix_then_longest_prefix_then_any(authority: str, domain: str) -> None:
    found = find_host([(domain, [domain]) for domain in DOMAINS], authority, ignore_port=True)

    assert found is not None
    assert (found.host, found.domain) == (domain, domain)


def test_a_port_counts_unless_it_is_ignored() -> None:
    hosts = [(0, ["a"]), (1, ["a:80"])]
    found = [find_host(hosts, authority, ignore_port=False) for authority in ("a", "a:80", "a:81")]

    assert [each.host if each else None for each in found] == [0, 1, None]


@pytest.mark.parametrize(
    ("authority", "name"), [("a:80", "a"), ("a", "a"), ("a:", "a"), ("[::1]", "[::1]"), ("[::1]:80", "[::1]")]
)
def test_an_authority_without_its_port(authority: str, name: str) -> None:
    assert without_port(authority) == name
