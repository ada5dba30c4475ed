"""Which requests a rule is for, and which rules a client gets at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from envoy_data_plane.envoy.config.route.v3 import Route, RouteMatch

from tests.translators import kit, static
from xds.model.labels import EMPTY_LABELS, Labels
from xds.model.routing import (
    Destination,
    HTTPMatchRequest,
    HTTPRoute,
    HTTPRouteDestination,
    MatchKind,
    StringMatch,
    VirtualService,
)

REVIEWS = kit.service("reviews")
HOST = REVIEWS.hostname
EXACT, PREFIX, REGEX = MatchKind.EXACT, MatchKind.PREFIX, MatchKind.REGEX
PRESENT = StringMatch(MatchKind.PRESENT)


def rule(index: int, subset: str, *match: HTTPMatchRequest) -> HTTPRoute:
    target = HTTPRouteDestination(Destination(HOST, subset))
    return HTTPRoute(index, kit.ORIGIN, match=match, route=(target,))


def virtual_service(*rules: HTTPRoute) -> VirtualService:
    return VirtualService(kit.meta("VirtualService", "reviews"), (HOST,), http=rules)


def routes(*rules: HTTPRoute, labels: Labels = EMPTY_LABELS) -> list[Route]:
    mesh = kit.mesh([REVIEWS], virtual_services=[virtual_service(*rules)])
    return static.routes_of(mesh, f"{HOST}:80", kit.proxy(labels=labels))


def match(request: HTTPMatchRequest) -> RouteMatch:
    found = routes(rule(0, "v1", request))[0].match
    assert found is not None
    return found


def clusters(found: list[Route]) -> list[str | None]:
    return [route.route.cluster if route.route else None for route in found]


def test_an_exact_uri_is_a_path() -> None:
    assert match(HTTPMatchRequest(uri=StringMatch(EXACT, "/login"))).path == "/login"


def test_a_prefix_is_a_plain_prefix() -> None:
    assert match(HTTPMatchRequest(uri=StringMatch(PREFIX, "/api"))).prefix == "/api"


def test_a_regex_matches_the_whole_path() -> None:
    found = match(HTTPMatchRequest(uri=StringMatch(REGEX, "/api/v[0-9]+")))
    assert found.safe_regex is not None
    assert found.safe_regex.regex == "/api/v[0-9]+"


def test_no_uri_is_every_path() -> None:
    assert match(HTTPMatchRequest(method=StringMatch(EXACT, "GET"))).prefix == "/"


@pytest.mark.parametrize(("ignore", "sensitive"), [(True, False), (False, None)])
def test_the_case_of_a_uri(ignore: bool, sensitive: bool | None) -> None:
    request = HTTPMatchRequest(uri=StringMatch(EXACT, "/Login"), ignore_uri_case=ignore)
    assert match(request).case_sensitive is sensitive


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (HTTPMatchRequest(method=StringMatch(EXACT, "x")), ":method"),
        (HTTPMatchRequest(authority=StringMatch(EXACT, "x")), ":authority"),
        (HTTPMatchRequest(scheme=StringMatch(EXACT, "x")), ":scheme"),
        (HTTPMatchRequest(headers={"end-user": StringMatch(EXACT, "x")}), "end-user"),
    ],
)
def test_conditions_on_headers_and_pseudo_headers(request_: HTTPMatchRequest, name: str) -> None:
    (header,) = match(request_).headers
    assert header.name == name
    assert header.string_match is not None
    assert header.string_match.exact == "x"
    assert not header.invert_match


def test_an_empty_header_match_asks_for_presence() -> None:
    (header,) = match(HTTPMatchRequest(headers={"end-user": PRESENT})).headers
    assert header.present_match is True
    assert header.string_match is None


def test_a_header_to_be_without_is_inverted_and_may_be_missing() -> None:
    (header,) = match(HTTPMatchRequest(without_headers={"debug": StringMatch(PREFIX, "t")})).headers
    assert header.string_match is not None
    assert header.string_match.prefix == "t"
    assert header.invert_match
    assert header.treat_missing_header_as_empty


def test_a_header_that_must_not_be_there() -> None:
    (header,) = match(HTTPMatchRequest(without_headers={"debug": PRESENT})).headers
    assert (header.present_match, header.invert_match) == (True, True)


def test_query_parameters() -> None:
    found = match(HTTPMatchRequest(query_params={"q": StringMatch(REGEX, "a+"), "debug": PRESENT}))
    regex, present = found.query_parameters
    assert regex.string_match is not None
    assert regex.string_match.safe_regex is not None
    assert regex.string_match.safe_regex.regex == "a+"
    assert present.present_match is True


def test_every_match_of_a_rule_is_a_route() -> None:
    found = routes(
        rule(0, "v1", HTTPMatchRequest(uri=StringMatch(EXACT, "/a")), HTTPMatchRequest(uri=StringMatch(EXACT, "/b")))
    )
    assert [route.match.path for route in found if route.match] == ["/a", "/b"]


@pytest.mark.parametrize(
    "catch_all",
    [
        (),
        (HTTPMatchRequest(uri=StringMatch(PREFIX, "/")),),
        (HTTPMatchRequest(uri=StringMatch(REGEX, ".*")),),
        (HTTPMatchRequest(),),
    ],
)
def test_nothing_is_reached_after_a_catch_all(catch_all: tuple[HTTPMatchRequest, ...]) -> None:
    found = routes(rule(0, "v1", *catch_all), rule(1, "v2"))
    assert clusters(found) == [f"outbound|80|v1|{HOST}"]


def test_a_condition_on_headers_is_no_catch_all() -> None:
    found = routes(rule(0, "v1", HTTPMatchRequest(headers={"end-user": PRESENT})), rule(1, "v2"))
    assert len(found) == 2


def test_source_labels_are_decided_here() -> None:
    canary = HTTPMatchRequest(source_labels=Labels({"version": "canary"}))
    rules = (rule(0, "v2", canary), rule(1, "v1"))
    assert clusters(routes(*rules, labels=Labels({"version": "canary"}))) == [f"outbound|80|v2|{HOST}"]
    assert clusters(routes(*rules)) == [f"outbound|80|v1|{HOST}"]


def test_source_namespace_is_decided_here() -> None:
    rules = (rule(0, "v2", HTTPMatchRequest(source_namespace="other")), rule(1, "v1"))
    assert clusters(routes(*rules)) == [f"outbound|80|v1|{HOST}"]


def test_a_match_for_another_port_is_left_out() -> None:
    rules = (rule(0, "v2", HTTPMatchRequest(port=8080)), rule(1, "v1", HTTPMatchRequest(port=80)))
    assert clusters(routes(*rules)) == [f"outbound|80|v1|{HOST}"]


def test_a_match_for_a_gateway_is_not_for_sidecars() -> None:
    rules = (rule(0, "v2", HTTPMatchRequest(gateways=("default/gw",))), rule(1, "v1"))
    assert clusters(routes(*rules)) == [f"outbound|80|v1|{HOST}"]


def test_without_any_rule_that_applies_the_service_is_called_as_if_there_were_none() -> None:
    found = routes(rule(0, "v2", HTTPMatchRequest(source_namespace="other")))
    assert clusters(found) == [f"outbound|80||{HOST}"]


def test_names_of_rule_and_match_make_the_name_of_the_route() -> None:
    named = HTTPMatchRequest(name="api", uri=StringMatch(PREFIX, "/api"), stat_prefix="calls")
    first, second = routes(replace(rule(0, "v1", named), name="canary"), replace(rule(1, "v2"), name="rest"))
    assert (first.name, first.stat_prefix) == ("canary.api", "calls")
    assert second.name == "rest"


def test_a_route_names_its_virtual_service_and_what_it_calls() -> None:
    (found,) = routes(rule(0, "v1"))
    assert found.metadata is not None
    config = found.metadata.filter_metadata["istio"].fields["config"].string_value
    assert config == "/apis/networking.istio.io/v1/namespaces/default/virtual-service/reviews"
    assert found.decorator is not None
    assert found.decorator.operation == f"{HOST}:80/*"
