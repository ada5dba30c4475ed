"""Paths before and after a route, and where redirects lead."""

from __future__ import annotations

import pytest
from envoy_data_plane.envoy.config.core.v3 import HttpProtocolOptions
from envoy_data_plane.envoy.config.core.v3 import HttpProtocolOptionsHeadersWithUnderscoresAction as Underscores
from envoy_data_plane.envoy.config.route.v3 import RedirectAction, RedirectActionRedirectResponseCode, RouteMatch
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManagerPathWithEscapedSlashesAction as EscapedSlashes,
)
from envoy_data_plane.envoy.type.matcher.v3 import RegexMatchAndSubstitute, RegexMatcher

from tests.explain.kit import manager
from xds.explain import redirect
from xds.explain.admission import as_received, redirection, refusal, unreadable
from xds.explain.paths import merged, normalized, rewritten, unescaped
from xds.explain.request import Request


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("/a/../b", "/b"),
        ("/a/./b/.", "/a/b/"),
        ("/a/..", "/"),
        ("/../..", "/"),
        ("//a//../b", "//a/b"),
        ("/a//../b", "/a/b"),
        ("/...", "/..."),
        ("/a/%2e%2E/b", "/b"),
        ("/%61%5A%7e%5f%2d", "/aZ~_-"),
        ("/a%2Fb%20%e4%zz%", "/a%2Fb%20%e4%zz%"),
        ("/a\\b", "/a/b"),
        ('/"<>^`{|}', "/%22%3C%3E%5E%60%7B%7C%7D"),
        ("/a?b=/../|%41", "/a?b=/../|%41"),
    ],
)
def test_a_path_is_made_clean(path: str, clean: str) -> None:
    assert normalized(path) == clean


@pytest.mark.parametrize(
    ("method", "path", "refused"),
    [
        ("GET", "/", False),
        ("GET", "/?%00", False),
        ("M-SEARCH", "/", False),
        ("CUSTOM", "/", True),
        ("get", "/", True),
        ("GET", "*", True),
        ("OPTIONS", "*", False),
        ("GET", "/\u00e4", True),
        ("GET", "/a#b", True),
        ("GET", "/%00", True),
    ],
)
def test_a_connection_manager_refuses_some_requests(method: str, path: str, refused: bool) -> None:
    request = Request(method, "a", path)

    assert bool(unreadable(request) or refusal(request, manager(None))) is refused


@pytest.mark.parametrize(
    ("match", "prefix", "path", "result"),
    [
        (RouteMatch(prefix="/a/"), "/", "/a/b?c", "/b?c"),
        (RouteMatch(prefix="/a"), "/", "/a/b", "//b"),
        (RouteMatch(path="/a"), "/b", "/a?c", "/b?c"),
        (RouteMatch(path_separated_prefix="/a"), "/b", "/a/c", "/b/c"),
        (RouteMatch(safe_regex=RegexMatcher(regex="/a.*")), "/b", "/a/c?d", "/b?d"),
        (RouteMatch(prefix="/A", case_sensitive=False), "/b", "/a/c", "/b/c"),
        (RouteMatch(prefix="/"), "", "/a", "/a"),
    ],
)
def test_what_was_matched_is_replaced(match: RouteMatch, prefix: str, path: str, result: str) -> None:
    assert rewritten(Request("GET", "a", path), match, prefix, None) == result


def test_a_regular_expression_rewrites_the_path_and_not_the_query() -> None:
    regex = RegexMatchAndSubstitute(pattern=RegexMatcher(regex="a"), substitution="b")

    assert rewritten(Request("GET", "a", "/a/a?a"), RouteMatch(prefix="/"), "", regex) == "/b/b?a"


@pytest.mark.parametrize(
    ("action", "authority", "path", "location"),
    [
        (RedirectAction(path_redirect="/b"), "h:80", "/a?x", "http://h:80/b?x"),
        (RedirectAction(path_redirect="/b?y"), "h", "/a?x", "http://h/b?y"),
        (RedirectAction(path_redirect="/b", strip_query=True), "h", "/a?x", "http://h/b"),
        (RedirectAction(path_redirect="/b?y", strip_query=True), "h", "/a?x", "http://h/b?y"),
        (RedirectAction(prefix_rewrite="/b/", strip_query=True), "h", "/a/c?x", "http://h/b/c"),
        (RedirectAction(prefix_rewrite="/b/"), "h", "/a/c?x", "http://h/b/c?x"),
        (RedirectAction(host_redirect="o:9"), "h:80", "/a/", "http://o:9/a/"),
        (RedirectAction(port_redirect=8443), "h:80", "/a/", "http://h:8443/a/"),
        (RedirectAction(port_redirect=8443), "[::1]:80", "/a/", "http://[::1]:8443/a/"),
        (RedirectAction(https_redirect=True), "h:80", "/a/", "https://h/a/"),
        (RedirectAction(scheme_redirect="https"), "h:81", "/a/", "https://h:81/a/"),
        (RedirectAction(scheme_redirect="https"), "[::1]", "/a/", "https://[::1]/a/"),
    ],
)
def test_redirects(action: RedirectAction, authority: str, path: str, location: str) -> None:
    assert redirect.location(action, RouteMatch(prefix="/a/"), Request("GET", authority, path)) == location


def test_the_status_of_a_redirect() -> None:
    codes = [redirect.status(RedirectAction(response_code=code)) for code in RedirectActionRedirectResponseCode]

    assert codes == [301, 302, 303, 307, 308]


@pytest.mark.parametrize(
    ("path", "clean"),
    [("/a%2Fb%2fc", "/a/b/c"), ("/a%5Cb", "/a\\b"), ("/a%252F", "/a%252F"), ("/a?b=%2F", "/a?b=%2F")],
)
def test_escaped_slashes_are_slashes(path: str, clean: str) -> None:
    assert unescaped(path) == clean


@pytest.mark.parametrize(
    ("path", "clean"), [("/a//b///c", "/a/b/c"), ("//a//", "/a/"), ("/a?b=//", "/a?b=//"), ("///", "//"), ("/", "/")]
)
def test_slashes_are_merged(path: str, clean: str) -> None:
    assert merged(path) == clean


@pytest.mark.parametrize("path", ["/a%2Fb", "/a%5cb"])
def test_escaped_slashes_are_refused_redirected_or_forwarded(path: str) -> None:
    request, proxy = Request("GET", "a", path), manager(None)
    proxy.normalize_path = True
    proxy.path_with_escaped_slashes_action = EscapedSlashes.REJECT_REQUEST
    assert refusal(request, proxy) == "the path has an escaped slash"
    proxy.path_with_escaped_slashes_action = EscapedSlashes.UNESCAPE_AND_REDIRECT
    assert (refusal(request, proxy), redirection(request, proxy)) == (None, "/a/b")
    proxy.path_with_escaped_slashes_action = EscapedSlashes.UNESCAPE_AND_FORWARD
    assert (redirection(request, proxy), as_received(request, proxy).path) == (None, "/a/b")


def test_headers_with_underscores_are_refused_or_dropped() -> None:
    request, proxy = Request("GET", "a", "/", headers=(("x_a", "1"), ("x-a", "1"))), manager(None)
    assert as_received(request, proxy).header("x_a") == "1"
    proxy.common_http_protocol_options = HttpProtocolOptions(headers_with_underscores_action=Underscores.DROP_HEADER)
    assert (refusal(request, proxy), as_received(request, proxy).header("x_a")) == (None, None)
    proxy.common_http_protocol_options.headers_with_underscores_action = Underscores.REJECT_REQUEST
    assert refusal(request, proxy) == "a header has an underscore in its name"
