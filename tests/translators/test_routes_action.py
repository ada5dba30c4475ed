"""What happens to a matched request."""

from __future__ import annotations

from datetime import timedelta

import pytest
from envoy_data_plane.envoy.config.core.v3 import HeaderValueOption, HeaderValueOptionHeaderAppendAction
from envoy_data_plane.envoy.config.route.v3 import RedirectActionRedirectResponseCode, Route, RouteAction

from tests.translators import kit, static
from xds.model.policy import ConsistentHashLB, CookieAttribute, HTTPCookie, LoadBalancerSettings, TrafficPolicy
from xds.model.routing import (
    Destination,
    HeaderOperations,
    Headers,
    HTTPDirectResponse,
    HTTPMirrorPolicy,
    HTTPRedirect,
    HTTPRetry,
    HTTPRewrite,
    HTTPRoute,
    HTTPRouteDestination,
    RedirectPort,
    VirtualService,
)
from xds.model.services import Service

REVIEWS = kit.service("reviews")
RATINGS = kit.service("ratings", kit.http(9080))
HOST = REVIEWS.hostname
V1 = (HTTPRouteDestination(Destination(HOST, "v1")),)
SECOND = timedelta(seconds=1)
SET, ADD = (
    HeaderValueOptionHeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
    HeaderValueOptionHeaderAppendAction.APPEND_IF_EXISTS_OR_ADD,
)


def route(rule: HTTPRoute, policy: TrafficPolicy | None = None, service: Service = REVIEWS) -> Route:
    rules = [kit.rule(service, policy, kit.subset("v1"), kit.subset("v2"))]
    virtual_service = VirtualService(kit.meta("VirtualService", "reviews"), (HOST,), http=(rule,))
    mesh = kit.mesh([service, RATINGS], rules=rules, virtual_services=[virtual_service])
    (found,) = static.routes_of(mesh, f"{HOST}:80")
    return found


def action(rule: HTTPRoute, policy: TrafficPolicy | None = None) -> RouteAction:
    found = route(rule, policy).route
    assert found is not None
    return found


def weights(rule: HTTPRoute) -> list[tuple[str, int | None]]:
    found = action(rule).weighted_clusters
    assert found is not None
    return [(cluster.name, cluster.weight) for cluster in found.clusters]


def to(*targets: HTTPRouteDestination) -> HTTPRoute:
    return HTTPRoute(0, kit.ORIGIN, route=targets)


def request(set: dict[str, str] | None = None, add: dict[str, str] | None = None, *remove: str) -> Headers:  # noqa: A002 - the field's name
    return Headers(request=HeaderOperations(set or {}, add or {}, remove))


def pairs(options: list[HeaderValueOption]) -> list[tuple[str, str, HeaderValueOptionHeaderAppendAction]]:
    return [(o.header.key, o.header.value, o.append_action) for o in options if o.header]


def test_weights_are_shares_and_zero_is_none() -> None:
    targets = [HTTPRouteDestination(Destination(HOST, f"v{n}"), weight) for n, weight in ((1, 90), (2, 10), (3, 0))]
    assert weights(to(*targets)) == [(f"outbound|80|v1|{HOST}", 90), (f"outbound|80|v2|{HOST}", 10)]


def test_one_destination_needs_no_weight() -> None:
    assert action(to(*V1)).cluster == f"outbound|80|v1|{HOST}"


def test_the_port_of_a_destination() -> None:
    """Named, or the service's only one, or the one that the client dialled."""
    targets = [
        HTTPRouteDestination(Destination(RATINGS.hostname, port=8080), 1),
        HTTPRouteDestination(Destination(RATINGS.hostname), 1),
        HTTPRouteDestination(Destination("unknown.example.com"), 1),
    ]
    assert [name for name, _ in weights(to(*targets))] == [
        f"outbound|8080||{RATINGS.hostname}",
        f"outbound|9080||{RATINGS.hostname}",
        "outbound|80||unknown.example.com",
    ]


def test_without_timeout_there_is_none() -> None:
    found = action(to(*V1))
    assert found.timeout == timedelta(0)
    assert found.max_stream_duration is not None
    assert found.max_stream_duration.grpc_timeout_header_max == timedelta(0)


def test_a_timeout_stands_alone_because_envoy_ignores_it_beside_a_stream_duration() -> None:
    found = action(HTTPRoute(0, kit.ORIGIN, route=V1, timeout=SECOND))
    assert found.timeout == SECOND
    assert found.max_stream_duration is None


def test_default_retries() -> None:
    policy = action(to(*V1)).retry_policy
    assert policy is not None
    assert policy.retry_on == "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"
    assert (policy.num_retries, policy.retriable_status_codes) == (2, [])
    assert policy.host_selection_retry_max_attempts == 5
    assert [p.name for p in policy.retry_host_predicate] == ["envoy.retry_host_predicates.previous_hosts"]


def test_retries_as_written() -> None:
    retry = HTTPRetry(
        attempts=3,
        per_try_timeout=SECOND,
        retry_on="gateway-error,503",
        retry_remote_localities=True,
        retry_ignore_previous_hosts=False,
        backoff=2 * SECOND,
    )
    policy = action(HTTPRoute(0, kit.ORIGIN, route=V1, retries=retry)).retry_policy
    assert policy is not None
    assert policy.retry_on == "gateway-error,retriable-status-codes"
    assert (policy.num_retries, policy.per_try_timeout, policy.retriable_status_codes) == (3, SECOND, [503])
    assert policy.retry_host_predicate == []
    assert policy.retry_priority is not None
    assert policy.retry_back_off is not None
    assert policy.retry_back_off.base_interval == 2 * SECOND


def test_no_attempts_no_retries() -> None:
    assert action(HTTPRoute(0, kit.ORIGIN, route=V1, retries=HTTPRetry(attempts=0))).retry_policy is None


def test_rewrites() -> None:
    found = action(HTTPRoute(0, kit.ORIGIN, route=V1, rewrite=HTTPRewrite("/new", "other.example.com")))
    assert (found.prefix_rewrite, found.host_rewrite_literal) == ("/new", "other.example.com")


def test_a_rewrite_by_regex() -> None:
    found = action(HTTPRoute(0, kit.ORIGIN, route=V1, rewrite=HTTPRewrite(uri_regex=("^/a/(.*)", r"/b/\1"))))
    assert found.regex_rewrite is not None
    assert found.regex_rewrite.pattern is not None
    assert (found.regex_rewrite.pattern.regex, found.regex_rewrite.substitution) == ("^/a/(.*)", r"/b/\1")


@pytest.mark.parametrize(("port", "expected"), [(RedirectPort.FROM_REQUEST_PORT, 80), (8443, 8443), (None, 0)])
def test_a_redirect(port: int | RedirectPort | None, expected: int) -> None:
    config = HTTPRedirect(uri="/new", authority="new.example.com", scheme="https", port=port, code=308)
    found = route(HTTPRoute(0, kit.ORIGIN, redirect=config)).redirect
    assert found is not None
    assert (found.path_redirect, found.host_redirect, found.scheme_redirect) == ("/new", "new.example.com", "https")
    assert found.port_redirect == expected
    assert found.response_code is RedirectActionRedirectResponseCode.PERMANENT_REDIRECT


def test_a_redirect_that_replaces_the_prefix() -> None:
    found = route(HTTPRoute(0, kit.ORIGIN, redirect=HTTPRedirect(prefix_rewrite="/v2"))).redirect
    assert found is not None
    assert (found.prefix_rewrite, found.path_redirect) == ("/v2", None)


def test_a_direct_response() -> None:
    found = route(HTTPRoute(0, kit.ORIGIN, direct_response=HTTPDirectResponse(418, b"teapot"))).direct_response
    assert found is not None
    assert found.body is not None
    assert (found.status, found.body.inline_bytes) == (418, b"teapot")


def test_mirrors_get_their_share() -> None:
    mirrors = (
        HTTPMirrorPolicy(Destination(RATINGS.hostname), 0.5),
        HTTPMirrorPolicy(Destination(RATINGS.hostname, "v2"), 0),
    )
    (found,) = action(HTTPRoute(0, kit.ORIGIN, route=V1, mirrors=mirrors)).request_mirror_policies
    assert found.cluster == f"outbound|9080||{RATINGS.hostname}"
    assert found.runtime_fraction is not None
    assert found.runtime_fraction.default_value is not None
    assert found.runtime_fraction.default_value.numerator == 5_000  # of a million


def test_set_overwrites_add_appends() -> None:
    headers = Headers(
        HeaderOperations({"a": "1"}, {"b": "2"}, ("c",)),
        HeaderOperations({"d": "3"}, {"e": "4"}, ("f",)),
    )
    found = route(HTTPRoute(0, kit.ORIGIN, route=V1, headers=headers))
    assert pairs(found.request_headers_to_add) == [("a", "1", SET), ("b", "2", ADD)]
    assert pairs(found.response_headers_to_add) == [("d", "3", SET), ("e", "4", ADD)]
    assert (found.request_headers_to_remove, found.response_headers_to_remove) == (["c"], ["f"])


def test_headers_of_the_only_destination_join_those_of_the_route() -> None:
    target = HTTPRouteDestination(Destination(HOST, "v1"), headers=request({"b": "2"}))
    found = route(HTTPRoute(0, kit.ORIGIN, route=(target,), headers=request({"a": "1"})))
    assert pairs(found.request_headers_to_add) == [("a", "1", SET), ("b", "2", SET)]


def test_headers_of_weighted_destinations_are_their_own() -> None:
    targets = (
        HTTPRouteDestination(Destination(HOST, "v1"), 50, request({"a": "1", "host": "v1.example.com"})),
        HTTPRouteDestination(Destination(HOST, "v2"), 50),
    )
    found = action(to(*targets)).weighted_clusters
    assert found is not None
    first, second = found.clusters
    assert pairs(first.request_headers_to_add) == [("a", "1", SET)]
    assert first.host_rewrite_literal == "v1.example.com"
    assert second.request_headers_to_add == []


def test_the_routes_authority_beats_the_destinations() -> None:
    targets = tuple(
        HTTPRouteDestination(Destination(HOST, v), 50, request({"host": f"{v}.example.com"})) for v in ("v1", "v2")
    )
    found = action(HTTPRoute(0, kit.ORIGIN, route=targets, headers=request({":authority": "all.example.com"})))
    assert found.host_rewrite_literal == "all.example.com"
    assert found.weighted_clusters is not None
    assert {cluster.host_rewrite_literal for cluster in found.weighted_clusters.clusters} == {None}


@pytest.mark.parametrize(
    ("lb", "expected"),
    [
        (ConsistentHashLB(http_header_name="user"), {"header": {"headerName": "user"}}),
        (ConsistentHashLB(use_source_ip=True), {"connectionProperties": {"sourceIp": True}}),
        (ConsistentHashLB(http_query_parameter_name="q"), {"queryParameter": {"name": "q"}}),
        (
            ConsistentHashLB(http_cookie=HTTPCookie("session", "/", SECOND, (CookieAttribute("Secure"),))),
            {"cookie": {"name": "session", "ttl": "1s", "path": "/", "attributes": [{"name": "Secure"}]}},
        ),
    ],
)
def test_consistent_hashing_is_a_matter_of_the_route_too(lb: ConsistentHashLB, expected: dict[str, object]) -> None:
    policy = TrafficPolicy(load_balancer=LoadBalancerSettings(consistent_hash=lb))
    found = action(to(*V1), policy)
    assert [item.to_dict() for item in found.hash_policy] == [expected]
    assert found.retry_policy is not None
    assert found.retry_policy.retry_host_predicate == []


def test_a_policy_for_the_port_replaces_the_general_one() -> None:
    hashing = LoadBalancerSettings(consistent_hash=ConsistentHashLB(use_source_ip=True))
    policy = TrafficPolicy(load_balancer=hashing, port_level={80: TrafficPolicy()})
    assert action(to(*V1), policy).hash_policy == []
