"""The whole way: outcomes, their shares, and what is told on the way."""

from __future__ import annotations

from datetime import timedelta

import pytest
from betterproto2 import Message
from envoy_data_plane.envoy.config.cluster.v3 import (
    CircuitBreakers,
    CircuitBreakersThresholds,
    Cluster,
    ClusterCustomClusterType,
    ClusterDiscoveryType,
    ClusterEdsClusterConfig,
    ClusterLbPolicy,
    ClusterOriginalDstLbConfig,
    OutlierDetection,
)
from envoy_data_plane.envoy.config.core.v3 import (
    DataSource,
    HeaderValue,
    HeaderValueOption,
    HeaderValueOptionHeaderAppendAction,
    RuntimeFractionalPercent,
    TransportSocket,
)
from envoy_data_plane.envoy.config.route.v3 import (
    DirectResponseAction,
    NonForwardingAction,
    RedirectAction,
    RetryPolicy,
    Route,
    RouteAction,
    RouteActionClusterNotFoundResponseCode,
    RouteActionHashPolicy,
    RouteActionHashPolicyHeader,
    RouteActionMaxStreamDuration,
    RouteActionRequestMirrorPolicy,
    RouteMatch,
    VirtualHost,
    VirtualHostTlsRequirementType,
    WeightedCluster,
    WeightedClusterClusterWeight,
)
from envoy_data_plane.envoy.extensions.filters.common.fault.v3 import FaultDelay
from envoy_data_plane.envoy.extensions.filters.http.buffer.v3 import Buffer
from envoy_data_plane.envoy.extensions.filters.http.cors.v3 import CorsPolicy as EnvoyCorsPolicy
from envoy_data_plane.envoy.extensions.filters.http.fault.v3 import FaultAbort, HttpFault
from envoy_data_plane.envoy.extensions.filters.http.grpc_stats.v3 import FilterConfig as GrpcStats
from envoy_data_plane.envoy.extensions.filters.http.grpc_web.v3 import GrpcWeb
from envoy_data_plane.envoy.extensions.filters.http.set_filter_state.v3 import Config as FilterState
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpFilter,
    Rds,
    ScopedRoutes,
)
from envoy_data_plane.envoy.extensions.filters.network.tcp_proxy.v3 import (
    TcpProxy,
    TcpProxyWeightedCluster,
    TcpProxyWeightedClusterClusterWeight,
)
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import UpstreamTlsContext
from envoy_data_plane.envoy.type.matcher.v3 import RegexMatchAndSubstitute, RegexMatcher, StringMatcher
from envoy_data_plane.envoy.type.v3 import FractionalPercent
from envoy_data_plane.google.protobuf import Any as AnyMessage

from tests.explain import kit
from xds.explain import Answered, Ended, Explanation, Forwarded, UnsupportedError
from xds.resources import PartSources
from xds.wire.encode import pack_any

EVERYTHING = RouteMatch(prefix="/")
TLS = TransportSocket(name="tls", typed_config=pack_any(UpstreamTlsContext()))
GRPC = ("content-type", "application/grpc")
PREFLIGHT = (("origin", "http://a"), ("access-control-request-method", "PUT"))


def to(cluster: str, match: RouteMatch = EVERYTHING, **config: AnyMessage) -> Route:
    return Route(match=match, route=RouteAction(cluster=cluster), typed_per_filter_config=config)


def with_routes(*routes: Route) -> Explanation:
    return kit.asked(kit.snapshot(kit.manager(kit.routes(*routes)), kit.clusters("a", "b")))


def percent(share: int) -> FractionalPercent:
    return FractionalPercent(numerator=share)


def shares(explanation: Explanation) -> list[tuple[str | int, float]]:
    """Clusters, statuses and reasons with their shares."""
    return [
        (
            outcome.cluster.name
            if isinstance(outcome, Forwarded)
            else outcome.status
            if isinstance(outcome, Answered)
            else outcome.reason,
            round(outcome.share, 4),
        )
        for outcome in explanation.outcomes
    ]


def policies(explanation: Explanation) -> dict[str, str]:
    return {policy.name: policy.text for policy in explanation.routes[0].policies}


def answer(explanation: Explanation) -> Answered:
    (outcome,) = explanation.outcomes
    assert isinstance(outcome, Answered)
    return outcome


def forwarded(explanation: Explanation) -> Forwarded:
    (outcome,) = explanation.outcomes
    assert isinstance(outcome, Forwarded)
    return outcome


def test_the_first_route_that_matches_and_why_not_those_before() -> None:
    found = with_routes(to("b", RouteMatch(prefix="/b")), to("a"), to("b"))

    assert shares(found) == [("a", 1.0)]
    assert [each.reason for each in found.routes[0].passed_over] == ["path is /"]
    assert found.listener is not None
    assert (found.listener.name, found.listener.address) == ("listener", "10.0.0.1:80")


def test_a_route_that_chance_takes_leaves_the_rest_to_the_next() -> None:
    sometimes = RouteMatch(prefix="/", runtime_fraction=RuntimeFractionalPercent(default_value=percent(25)))
    never = RouteMatch(prefix="/", runtime_fraction=RuntimeFractionalPercent(default_value=percent(0)))

    assert shares(with_routes(to("b", never), to("a", sometimes), to("b"))) == [("a", 0.25), ("b", 0.75)]
    assert shares(with_routes(to("a", sometimes))) == [("a", 0.25), (404, 0.75)]


def test_weighted_clusters() -> None:
    weights = [
        WeightedClusterClusterWeight(name=name, weight=weight) for name, weight in (("a", 1), ("b", 3), ("c", 0))
    ]
    action = RouteAction(weighted_clusters=WeightedCluster(clusters=weights))

    assert shares(with_routes(Route(match=EVERYTHING, route=action))) == [("a", 0.25), ("b", 0.75)]


def test_a_cluster_that_a_header_names() -> None:
    table = kit.routes(Route(match=EVERYTHING, route=RouteAction(cluster_header="x-to")))
    snapshot = kit.snapshot(kit.manager(table), kit.clusters("a"))

    assert [shares(kit.asked(snapshot, "/", *headers)) for headers in ((("x-to", "a"),), ())] == [
        [("a", 1.0)],
        [(503, 1.0)],
    ]


@pytest.mark.parametrize(("code", "status"), [(0, 503), (1, 404), (2, 500)])
def test_a_cluster_that_is_not_there(code: int, status: int) -> None:
    found = RouteActionClusterNotFoundResponseCode(code)
    action = RouteAction(cluster="none", cluster_not_found_response_code=found)

    assert shares(with_routes(Route(match=EVERYTHING, route=action))) == [(status, 1.0)]


def test_a_cluster_without_endpoints_that_can_be_used() -> None:
    snapshot = kit.snapshot(kit.manager(kit.routes(to("a"))), [Cluster(name="a", type=ClusterDiscoveryType.STATIC)])

    assert shares(kit.asked(snapshot)) == [(503, 1.0)]


def test_a_cluster_whose_endpoints_have_not_come() -> None:
    cluster = Cluster(name="a", type=ClusterDiscoveryType.EDS, eds_cluster_config=ClusterEdsClusterConfig())

    assert shares(kit.asked(kit.snapshot(kit.manager(kit.routes(to("a"))), [cluster]))) == [(503, 1.0)]


@pytest.mark.parametrize(("override", "port"), [(None, 80), (8080, 8080)])
def test_a_cluster_that_leads_where_the_client_dialled(override: int | None, port: int) -> None:
    config = ClusterOriginalDstLbConfig(upstream_port_override=override)
    cluster = Cluster(name="a", type=ClusterDiscoveryType.ORIGINAL_DST, original_dst_lb_config=config)
    found = kit.asked(kit.snapshot(kit.manager(kit.routes(to("a"))), [cluster]))

    assert [each.address for each in forwarded(found).cluster.endpoints] == [f"10.0.0.1:{port}"]


@pytest.mark.parametrize("encrypted", [False, True])
def test_an_endpoint_that_the_client_dialled_is_spoken_to_as_the_cluster_says(encrypted: bool) -> None:
    dialled = Cluster(name="a", type=ClusterDiscoveryType.ORIGINAL_DST)
    named = Cluster(name="a", cluster_type=ClusterCustomClusterType(name="envoy.clusters.dynamic_forward_proxy"))
    for cluster in (dialled, named):
        cluster.transport_socket = TLS if encrypted else None
        found = kit.asked(kit.snapshot(kit.manager(kit.routes(to("a"))), [cluster]))

        assert [each.spoken.tls for each in forwarded(found).cluster.endpoints] == [encrypted]


def test_a_cluster_of_an_extension_leads_somewhere() -> None:
    cluster = Cluster(name="a", cluster_type=ClusterCustomClusterType(name="envoy.clusters.aggregate"))
    found = forwarded(kit.asked(kit.snapshot(kit.manager(kit.routes(to("a"))), [cluster])))

    assert (found.cluster.kind, found.cluster.endpoints[0].share) == ("envoy.clusters.aggregate", 1.0)


@pytest.mark.parametrize(
    ("host", "encrypted", "address"),
    [
        ("a.example.com", False, "a.example.com:80"),
        ("a.example.com", True, "a.example.com:443"),
        ("a.example.com:8080", True, "a.example.com:8080"),
        ("[2001:db8::1]", False, "[2001:db8::1]:80"),
    ],
)
def test_a_dynamic_forward_proxy_leads_to_the_host_of_the_request(host: str, encrypted: bool, address: str) -> None:
    cluster = Cluster(name="a", cluster_type=ClusterCustomClusterType(name="envoy.clusters.dynamic_forward_proxy"))
    cluster.transport_socket = TransportSocket(name="tls") if encrypted else None
    found = forwarded(kit.asked(kit.snapshot(kit.manager(kit.routes(to("a"))), [cluster]), authority=host))

    assert [(each.address, each.share) for each in found.cluster.endpoints] == [(address, 1.0)]


def test_no_route_is_for_the_server_as_a_whole() -> None:
    found = kit.asked(
        kit.snapshot(kit.manager(kit.routes(to("a", RouteMatch(prefix="*")))), kit.clusters("a")), "*", method="OPTIONS"
    )
    assert shares(found) == [(404, 1.0)]


def test_redirects_and_responses() -> None:
    redirect = with_routes(Route(match=EVERYTHING, redirect=RedirectAction(path_redirect="/b")))
    body = DataSource(inline_string="later")
    direct = with_routes(Route(match=EVERYTHING, direct_response=DirectResponseAction(status=503, body=body)))
    created = with_routes(Route(match=EVERYTHING, direct_response=DirectResponseAction(status=201)))

    assert (answer(redirect).status, answer(redirect).location) == (301, "http://a/b")
    assert (answer(direct).status, answer(direct).body, answer(direct).location) == (503, "later", "")
    assert answer(created).location == "http://a/"


def test_a_fault_for_some_requests_and_a_delay() -> None:
    fault = HttpFault(
        abort=FaultAbort(http_status=418, percentage=percent(25)),
        delay=FaultDelay(fixed_delay=timedelta(seconds=2), percentage=percent(50)),
    )
    found = with_routes(to("a", fault=pack_any(fault)))

    assert shares(found) == [(418, 0.25), ("a", 0.75)]
    assert policies(found)["fault.delay"] == "fixed_delay 2s, percentage 50%"


def test_a_fault_for_all_requests_leaves_nothing_to_do() -> None:
    fault = HttpFault(abort=FaultAbort(http_status=418, percentage=percent(100)))

    assert shares(with_routes(to("a", fault=pack_any(fault)))) == [(418, 1.0)]


def test_the_most_specific_configuration_of_a_filter_holds() -> None:
    of_host = HttpFault(abort=FaultAbort(http_status=555, percentage=percent(100)))
    host = VirtualHost(name="all", domains=["*"], typed_per_filter_config={kit.FAULT: pack_any(of_host)})
    own = pack_any(HttpFault())
    found = [
        shares(kit.asked(kit.snapshot(kit.manager(kit.routes(route, host=host)), kit.clusters("a"))))
        for route in (to("a"), to("a", fault=own))
    ]

    assert found == [[(555, 1.0)], [("a", 1.0)]]


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("OPTIONS", PREFLIGHT, 200),
        ("OPTIONS", (("origin", "http://b"), PREFLIGHT[1]), None),
        ("OPTIONS", PREFLIGHT[:1], None),
        ("GET", PREFLIGHT, None),
    ],
)
def test_preflight_requests(method: str, headers: tuple[tuple[str, str], ...], status: int | None) -> None:
    policy = EnvoyCorsPolicy(allow_origin_string_match=[StringMatcher(exact="http://a")])
    table = kit.routes(to("a", cors=pack_any(policy)))
    found = kit.asked(kit.snapshot(kit.manager(table), kit.clusters("a")), "/", *headers, method=method)

    assert shares(found) == [(status or "a", 1.0)]


def test_whatever_is_answered_to_grpc_has_status_200() -> None:
    snapshot = kit.snapshot(kit.manager(kit.routes(to("none"))))
    found = answer(kit.asked(snapshot, "/", GRPC))

    assert (found.status, found.reason) == (200, "there is no cluster none: HTTP 503 as a gRPC status")


def test_path_and_authority_are_rewritten() -> None:
    action = RouteAction(cluster="a", prefix_rewrite="/b", host_rewrite_literal="b")
    found = forwarded(with_routes(Route(match=EVERYTHING, route=action)))

    assert (found.path, found.authority) == ("/b", "b")


@pytest.mark.parametrize(
    ("action", "authority"),
    [
        (RouteAction(cluster="a", auto_host_rewrite=True), ""),
        (RouteAction(cluster="a", host_rewrite_header="x-host"), "of-header"),
        (RouteAction(cluster="a", host_rewrite_header="x-none"), "a"),
        (
            RouteAction(
                cluster="a",
                host_rewrite_path_regex=RegexMatchAndSubstitute(
                    pattern=RegexMatcher(regex="^/(.*)$"), substitution=r"\1.com"
                ),
            ),
            "x.com",
        ),
    ],
)
def test_other_ways_to_rewrite_the_authority(action: RouteAction, authority: str) -> None:
    snapshot = kit.snapshot(kit.manager(kit.routes(Route(match=EVERYTHING, route=action))), kit.clusters("a"))

    assert forwarded(kit.asked(snapshot, "/x?y", ("x-host", "of-header"))).authority == authority


def test_headers_are_changed_from_the_most_specific_level_to_the_least_unless_told_otherwise() -> None:
    def option(value: str) -> HeaderValueOption:
        action = HeaderValueOptionHeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD
        return HeaderValueOption(header=HeaderValue(key="x-a", value=value), append_action=action)

    found = []
    for specific in (False, True):
        host = VirtualHost(name="all", domains=["*"], request_headers_to_add=[option("host")])
        route = to("a")
        route.request_headers_to_add = [option("route")]
        table = kit.routes(route, host=host, specific_wins=specific)
        outcome = forwarded(kit.asked(kit.snapshot(kit.manager(table), kit.clusters("a"))))
        found.append(dict(outcome.request_headers)["x-a"])

    assert found == ["host", "route"]


@pytest.mark.parametrize(
    ("action", "timeout"),
    [
        (RouteAction(cluster="a"), "15s"),
        (RouteAction(cluster="a", timeout=timedelta(0)), "none"),
        (RouteAction(cluster="a", timeout=timedelta(seconds=1.5)), "1.5s"),
        (
            RouteAction(
                cluster="a",
                timeout=timedelta(seconds=1),
                max_stream_duration=RouteActionMaxStreamDuration(max_stream_duration=timedelta(0)),
            ),
            "none",
        ),
    ],
)
def test_the_timeout_that_holds(action: RouteAction, timeout: str) -> None:
    assert policies(with_routes(Route(match=EVERYTHING, route=action)))["timeout"] == timeout


def test_policies_of_a_route_in_words() -> None:
    mirror = RouteActionRequestMirrorPolicy(
        cluster="b", runtime_fraction=RuntimeFractionalPercent(default_value=percent(10))
    )
    action = RouteAction(
        cluster="a",
        request_mirror_policies=[mirror, RouteActionRequestMirrorPolicy(cluster="b")],
        retry_policy=RetryPolicy(retry_on="5xx", num_retries=3),
        hash_policy=[RouteActionHashPolicy(header=RouteActionHashPolicyHeader(header_name="x-user"))],
        prefix_rewrite="/b",
    )
    found = [(each.name, each.text) for each in with_routes(Route(match=EVERYTHING, route=action)).routes[0].policies]

    assert found == [
        ("timeout", "15s"),
        ("retry_policy", "retry_on 5xx, num_retries 3"),
        ("prefix_rewrite", "/b"),
        ("request_mirror_policy", "10% of requests to b"),
        ("request_mirror_policy", "100% of requests to b"),
        ("hash_policy", "header header_name x-user"),
    ]


def test_policies_of_a_cluster_in_words() -> None:
    (cluster,) = kit.clusters("a")
    cluster.lb_policy = ClusterLbPolicy.RANDOM
    cluster.connect_timeout = timedelta(seconds=2)
    cluster.circuit_breakers = CircuitBreakers(
        thresholds=[CircuitBreakersThresholds(max_connections=7, max_requests=(1 << 32) - 1, track_remaining=True)]
    )
    cluster.outlier_detection = OutlierDetection(consecutive_5xx=2)
    cluster.transport_socket = TransportSocket(name="tls")
    found = forwarded(kit.asked(kit.snapshot(kit.manager(kit.routes(to("a"))), [cluster]))).cluster

    assert [(each.name, each.text) for each in found.policies] == [
        ("lb_policy", "RANDOM"),
        ("connect_timeout", "2s"),
        ("outlier_detection", "consecutive_5xx 2"),
        ("circuit_breakers", "max_connections 7"),
        ("transport_socket", "name tls"),
    ]


def test_a_virtual_host_that_asks_for_tls() -> None:
    host = VirtualHost(name="all", domains=["*"], require_tls=VirtualHostTlsRequirementType.ALL)
    manager = kit.manager(kit.routes(to("a"), host=host))
    plain = kit.asked(kit.snapshot(manager, kit.clusters("a")), "/b?c")
    encrypted = kit.asked(kit.snapshot(manager, kit.clusters("a"), tls=True), tls=True)

    assert (answer(plain).status, answer(plain).location) == (301, "https://a/b?c")
    assert shares(encrypted) == [("a", 1.0)]


def test_no_virtual_host_and_no_table() -> None:
    table = kit.routes(to("a"), host=VirtualHost(name="b", domains=["b"]))
    rds = HttpConnectionManager(stat_prefix="a", rds=Rds(route_config_name="none"))

    assert shares(kit.asked(kit.snapshot(kit.manager(table)))) == [(404, 1.0)]
    assert shares(kit.asked(kit.snapshot(rds))) == [(404, 1.0)]


def test_a_filter_that_is_not_known_is_named() -> None:
    buffer = HttpFilter(name="buffer", typed_config=pack_any(Buffer()))
    found = kit.asked(kit.snapshot(kit.manager(kit.routes(to("a")), buffer), kit.clusters("a")))

    assert policies(found)["filter"] == "Buffer, whose effect is not told here"


@pytest.mark.parametrize(
    ("config", "kind", "words"),
    [
        (GrpcWeb(), "application/grpc-web+proto", "GrpcWeb makes a gRPC call of this gRPC-Web request"),
        (GrpcWeb(), "application/grpc-web-text", "GrpcWeb makes a gRPC call of this gRPC-Web request"),
        (GrpcWeb(), "application/grpc-webbing", "GrpcWeb leaves this request alone"),
        (GrpcWeb(), "text/html", "GrpcWeb leaves this request alone"),
        (GrpcStats(), "text/html", "grpc_stats counts gRPC calls"),
        (FilterState(), "text/html", "set_filter_state says what requests speak"),
    ],
)
def test_a_filter_is_told_in_words(config: Message, kind: str, words: str) -> None:
    each = HttpFilter(name="any", typed_config=pack_any(config))
    snapshot = kit.snapshot(kit.manager(kit.routes(to("a")), each), kit.clusters("a"))
    found = kit.asked(snapshot, "/", ("content-type", kind))

    assert policies(found)["filter"].startswith(words)


def test_connections() -> None:
    weights = [TcpProxyWeightedClusterClusterWeight(name=name, weight=weight) for name, weight in (("a", 1), ("b", 3))]
    one = kit.snapshot(TcpProxy(stat_prefix="a", cluster="a"), kit.clusters("a"))
    two = kit.snapshot(TcpProxy(stat_prefix="a", weighted_clusters=TcpProxyWeightedCluster(clusters=weights)))

    assert shares(kit.connected(one)) == [("a", 1.0)]
    assert shares(kit.connected(two)) == [("there is no cluster a", 0.25), ("there is no cluster b", 0.75)]
    assert shares(kit.connected(one, 81)) == [("nothing listens on port 81", 1.0)]


def test_a_request_on_a_connection_that_is_passed_on_is_not_looked_at() -> None:
    found = forwarded(kit.asked(kit.snapshot(TcpProxy(stat_prefix="a", cluster="a"), kit.clusters("a"))))

    assert (found.path, found.authority) == ("", "")


@pytest.mark.parametrize(("ends_tls", "speaks_tls"), [(False, True), (True, False)])
def test_a_client_has_to_speak_what_is_expected(ends_tls: bool, speaks_tls: bool) -> None:
    found = kit.asked(kit.snapshot(kit.manager(kit.routes(to("a"))), tls=ends_tls), tls=speaks_tls)

    assert isinstance(found.outcomes[0], Ended)


def test_a_client_that_says_nothing_of_http() -> None:
    assert isinstance(kit.connected(kit.snapshot(kit.manager(kit.routes(to("a"))))).outcomes[0], Ended)


def test_places_are_those_of_the_chain() -> None:
    parts = (PartSources.of_rules(kit.RULE),)
    found = kit.connected(kit.snapshot(TcpProxy(stat_prefix="a", cluster="a"), kit.clusters("a"), parts))

    assert found.chain is not None
    assert [source.path for source in found.chain.sources] == [kit.RULE.path, ()]


@pytest.mark.parametrize(
    ("manager", "named"),
    [
        (HttpConnectionManager(stat_prefix="a", scoped_routes=ScopedRoutes(name="a")), "scoped routes"),
        (
            kit.manager(kit.routes(Route(match=EVERYTHING, non_forwarding_action=NonForwardingAction()))),
            "another action",
        ),
        (
            kit.manager(kit.routes(Route(match=EVERYTHING, route=RouteAction(cluster_specifier_plugin="p")))),
            "extension",
        ),
    ],
)
def test_what_cannot_be_told_is_named(manager: HttpConnectionManager, named: str) -> None:
    with pytest.raises(UnsupportedError, match=named):
        kit.asked(kit.snapshot(manager))
