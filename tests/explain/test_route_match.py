"""Conditions of routes, one by one."""

from __future__ import annotations

import pytest
from envoy_data_plane.envoy.config.core.v3 import RuntimeFractionalPercent, TypedExtensionConfig
from envoy_data_plane.envoy.config.route.v3 import (
    HeaderMatcher,
    QueryParameterMatcher,
    RouteMatch,
    RouteMatchConnectMatcher,
    RouteMatchGrpcRouteMatchOptions,
)
from envoy_data_plane.envoy.type.matcher.v3 import RegexMatcher, StringMatcher
from envoy_data_plane.envoy.type.v3 import FractionalPercent, FractionalPercentDenominatorType, Int64Range

from xds.explain import route_match
from xds.explain.errors import UnsupportedError
from xds.explain.query import parse_query
from xds.explain.request import Request


def request(path: str = "/", *headers: tuple[str, str], method: str = "GET", authority: str = "a:80") -> Request:
    return Request.of(method, authority, path, headers)


def old_form(**fields: str | RegexMatcher) -> HeaderMatcher:
    """A matcher in one of the forms that Envoy calls deprecated, and still honours."""
    matcher = HeaderMatcher()
    for name, value in fields.items():
        setattr(matcher, name, value)
    return matcher


def met(match: RouteMatch, by: Request) -> bool:
    return route_match.mismatch(match, by) is None


@pytest.mark.parametrize(
    ("match", "path", "expected"),
    [
        (RouteMatch(prefix="/a"), "/ab", True),
        (RouteMatch(prefix="/a"), "/A", False),
        (RouteMatch(prefix="/a", case_sensitive=False), "/AB", True),
        (RouteMatch(prefix="/a?x"), "/a?x", False),
        (RouteMatch(path="/a"), "/a?x=1", True),
        (RouteMatch(path="/a"), "/a/", False),
        (RouteMatch(path="/A", case_sensitive=False), "/a", True),
        (RouteMatch(path_separated_prefix="/a"), "/a", True),
        (RouteMatch(path_separated_prefix="/a"), "/a/b", True),
        (RouteMatch(path_separated_prefix="/a"), "/ab", False),
        (RouteMatch(safe_regex=RegexMatcher(regex="/a")), "/a?x", True),
        (RouteMatch(safe_regex=RegexMatcher(regex="/a")), "/ab", False),
        (RouteMatch(safe_regex=RegexMatcher(regex="/A"), case_sensitive=False), "/a", False),
        (RouteMatch(connect_matcher=RouteMatchConnectMatcher()), "/a", False),
    ],
)
def test_paths(match: RouteMatch, path: str, expected: bool) -> None:
    assert met(match, request(path)) is expected


@pytest.mark.parametrize(
    ("matcher", "values", "expected"),
    [
        (HeaderMatcher(string_match=StringMatcher(exact="a")), ["a"], True),
        (HeaderMatcher(string_match=StringMatcher(exact="a")), ["A"], False),
        (HeaderMatcher(string_match=StringMatcher(exact="a", ignore_case=True)), ["A"], True),
        (HeaderMatcher(string_match=StringMatcher(exact="a")), ["b", "a"], True),
        (HeaderMatcher(string_match=StringMatcher(exact="a,b")), ["a", "b"], False),
        (HeaderMatcher(string_match=StringMatcher(exact="a"), invert_match=True), ["b", "a"], False),
        (HeaderMatcher(string_match=StringMatcher(exact="a"), invert_match=True), ["b", "c"], True),
        (HeaderMatcher(string_match=StringMatcher(prefix="a")), ["ab"], True),
        (HeaderMatcher(string_match=StringMatcher(suffix="b")), ["ab"], True),
        (HeaderMatcher(string_match=StringMatcher(contains="b")), ["abc"], True),
        (HeaderMatcher(string_match=StringMatcher(safe_regex=RegexMatcher(regex="a+"))), ["aa"], True),
        (HeaderMatcher(string_match=StringMatcher(safe_regex=RegexMatcher(regex="a"), ignore_case=True)), ["A"], False),
        (old_form(exact_match="a"), ["a"], True),
        (old_form(prefix_match="a"), ["ab"], True),
        (old_form(suffix_match="a"), ["ab"], False),
        (old_form(contains_match="b"), ["abc"], True),
        (old_form(safe_regex_match=RegexMatcher(regex="a")), ["b"], False),
        (HeaderMatcher(range_match=Int64Range(start=-1, end=2)), ["-1"], True),
        (HeaderMatcher(range_match=Int64Range(start=-1, end=2)), ["2"], False),
        (HeaderMatcher(range_match=Int64Range(start=-1, end=2)), ["1a"], False),
        (HeaderMatcher(), ["a"], True),
        (HeaderMatcher(), [], False),
        (HeaderMatcher(present_match=True), [""], True),
        (HeaderMatcher(present_match=True), [], False),
        (HeaderMatcher(present_match=False), [], True),
        (HeaderMatcher(present_match=True, invert_match=True), [], True),
        (HeaderMatcher(present_match=True, invert_match=True), ["a"], False),
        (HeaderMatcher(string_match=StringMatcher(exact="a"), invert_match=True), ["b"], True),
        (HeaderMatcher(string_match=StringMatcher(exact="a"), invert_match=True), [], False),
        (
            HeaderMatcher(string_match=StringMatcher(exact="a"), invert_match=True, treat_missing_header_as_empty=True),
            [],
            True,
        ),
        (HeaderMatcher(string_match=StringMatcher(safe_regex=RegexMatcher(regex=".*"))), [], False),
        (
            HeaderMatcher(
                string_match=StringMatcher(safe_regex=RegexMatcher(regex=".*")), treat_missing_header_as_empty=True
            ),
            [],
            True,
        ),
    ],
)
def test_headers(matcher: HeaderMatcher, values: list[str], expected: bool) -> None:
    matcher.name = "X-A"
    by = request("/", *(("x-a", value) for value in values))

    assert met(RouteMatch(prefix="/", headers=[matcher]), by) is expected


@pytest.mark.parametrize(
    ("name", "value"),
    [(":method", "GET"), (":authority", "a:80"), ("host", "a:80"), (":scheme", "http"), (":path", "/x")],
)
def test_what_is_no_header_on_the_wire(name: str, value: str) -> None:
    matcher = HeaderMatcher(name=name, string_match=StringMatcher(exact=value))

    assert met(RouteMatch(prefix="/", headers=[matcher]), request("/x"))


def test_some_headers_are_read_as_one() -> None:
    headers = (("accept", "a"), ("x-a", "1"), ("ACCEPT", "b"), ("x-a", "2"))

    assert request("/", *headers).headers == (("accept", "a,b"), ("x-a", "1"), ("x-a", "2"))


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/", {}),
        ("/?", {"": ""}),
        ("/?x", {"x": ""}),
        ("/?x=1&x=2&y=a=b", {"x": "1", "y": "a=b"}),
        ("/?x=a%20b", {"x": "a%20b"}),
        ("/?x=1?y=2", {"x": "1?y=2"}),
    ],
)
def test_a_query_is_read_but_not_decoded(path: str, parameters: dict[str, str]) -> None:
    assert parse_query(path) == parameters


@pytest.mark.parametrize(
    ("matcher", "path", "expected"),
    [
        (QueryParameterMatcher(string_match=StringMatcher(exact="1")), "/?x=1", True),
        (QueryParameterMatcher(string_match=StringMatcher(exact="1")), "/?x=2&x=1", False),
        (QueryParameterMatcher(string_match=StringMatcher(exact="1")), "/?y=1", False),
        (QueryParameterMatcher(present_match=True), "/?x", True),
        (QueryParameterMatcher(present_match=True), "/", False),
        (QueryParameterMatcher(present_match=False), "/", True),
        (QueryParameterMatcher(), "/?x=1", True),
        (QueryParameterMatcher(), "/", False),
    ],
)
def test_query_parameters(matcher: QueryParameterMatcher, path: str, expected: bool) -> None:
    matcher.name = "x"

    assert met(RouteMatch(prefix="/", query_parameters=[matcher]), request(path)) is expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("application/grpc", True), ("application/grpc+proto", True), ("application/grpc-web", False)],
)
def test_grpc(kind: str, expected: bool) -> None:
    match = RouteMatch(prefix="/", grpc=RouteMatchGrpcRouteMatchOptions())

    assert met(match, request("/", ("content-type", kind))) is expected


@pytest.mark.parametrize(
    ("numerator", "denominator", "share"),
    [
        (25, FractionalPercentDenominatorType.HUNDRED, 0.25),
        (25, FractionalPercentDenominatorType.MILLION, 0.000025),
        (200, FractionalPercentDenominatorType.HUNDRED, 1.0),
    ],
)
def test_a_route_may_be_there_for_some_requests_only(
    numerator: int, denominator: FractionalPercentDenominatorType, share: float
) -> None:
    value = FractionalPercent(numerator=numerator, denominator=denominator)

    assert route_match.share(RouteMatch(runtime_fraction=RuntimeFractionalPercent(default_value=value))) == share


def test_all_conditions_hold_together_and_the_first_that_does_not_is_named() -> None:
    headers = [HeaderMatcher(name="x-a", present_match=True), HeaderMatcher(name="x-b", present_match=True)]

    assert route_match.mismatch(RouteMatch(prefix="/", headers=headers), request("/", ("x-a", ""))) == (
        "header x-b is absent"
    )


def test_what_cannot_be_told_is_not_guessed() -> None:
    with pytest.raises(UnsupportedError, match="path_match_policy"):
        route_match.mismatch(RouteMatch(path_match_policy=TypedExtensionConfig(name="x")), request())
