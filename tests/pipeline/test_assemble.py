"""The fold over contributions: splicing equals building whole, and nothing bad spreads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType, ClusterEdsClusterConfig
from envoy_data_plane.envoy.config.listener.v3 import Filter, FilterChain, Listener
from envoy_data_plane.envoy.config.route.v3 import (
    DirectResponseAction,
    Route,
    RouteConfiguration,
    RouteMatch,
    VirtualHost,
)
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpFilter,
)

from xds.model.mesh import EMPTY_MESH
from xds.model.objects import ObjectKey
from xds.model.proxy import Proxy, ProxyType
from xds.model.view import ProxyView
from xds.pipeline import (
    Contribution,
    Direction,
    FilterChainPart,
    HttpConnection,
    HttpFilterPart,
    ListenerPart,
    Memo,
    Phase,
    Pipeline,
    Resources,
    RouteOverride,
    RoutePart,
    RouteRef,
    VirtualHostPart,
    VirtualHosts,
    add,
    patch,
)
from xds.pipeline.compile import Compiled
from xds.pipeline.splice import build_listener
from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, Reference, Resource
from xds.wire.encode import encode, pack_any

PROXY = Proxy(
    "sidecar~10.0.0.1~a.default~default.svc.cluster.local",
    ProxyType.SIDECAR,
    "a",
    "default",
    ("10.0.0.1",),
    "default.svc.cluster.local",
)
RULE = RouteRef(ObjectKey("VirtualService", "default", "reviews"), 0)


def compiled(*contributions: Contribution) -> Compiled:
    def translate(view: ProxyView, memo: Memo) -> Iterable[Contribution]:
        return contributions

    return Pipeline((translate,)).compile(EMPTY_MESH, PROXY)


def route(status: int) -> Route:
    return Route(match=RouteMatch(prefix="/"), direct_response=DirectResponseAction(status=status))


def host_part(name: str, *routes: RoutePart) -> VirtualHostPart:
    return VirtualHostPart(name, encode(VirtualHost(name=name, domains=[name])), routes, (RULE.object,))


def routes_of(*hosts: VirtualHostPart) -> VirtualHosts:
    return VirtualHosts("80", encode(RouteConfiguration(name="80")), (hosts,))


def only(result: Compiled, type_url: str) -> Resource:
    (resource,) = [r for kind in result.snapshot if kind == type_url for r in result.snapshot[kind]]
    return resource


def test_spliced_routes_equal_a_whole_route_configuration() -> None:
    config = pack_any(Router())
    result = compiled(
        routes_of(host_part("a", RoutePart(encode(route(200)), RULE), RoutePart(encode(route(404)))), host_part("b")),
        RouteOverride(RULE, "filter", encode(config)),
    )
    overridden = route(200)
    overridden.typed_per_filter_config = {"filter": config}
    resource = only(result, ROUTE)
    assert RouteConfiguration.parse(resource.body) == RouteConfiguration(
        name="80",
        virtual_hosts=[
            VirtualHost(name="a", domains=["a"], routes=[overridden, route(404)]),
            VirtualHost(name="b", domains=["b"]),
        ],
    )
    assert resource.origins == (RULE.object,)


def test_http_filters_go_by_phase_to_the_connection_managers_they_apply_to() -> None:
    def filter_part(name: str, phase: Phase, *directions: Direction) -> HttpFilterPart:
        return HttpFilterPart(phase, encode(HttpFilter(name=name)), frozenset(directions))

    def chain(direction: Direction) -> FilterChainPart:
        connection = HttpConnection(encode(HttpConnectionManager(stat_prefix="x")), direction, 80)
        return FilterChainPart(encode(FilterChain(name=direction.value, filters=[Filter(name="first")])), connection)

    result = compiled(
        filter_part("router", Phase.ROUTER, *Direction),
        filter_part("fault", Phase.FAULT, Direction.OUTBOUND),
        filter_part("cors", Phase.CORS, Direction.OUTBOUND),
        ListenerPart(
            "l", encode(Listener(name="l")), (chain(Direction.OUTBOUND),), chain(Direction.INBOUND), routes=("80",)
        ),
    )
    resource = only(result, LISTENER)
    assert resource.references == (Reference(ROUTE, "80"),)
    listener = Listener.parse(resource.body)
    assert listener.default_filter_chain is not None
    assert filters_of(listener.filter_chains[0]) == ["first", "cors", "fault", "router"]
    assert filters_of(listener.default_filter_chain) == ["first", "router"]


def filters_of(chain: FilterChain) -> list[str]:
    *before, last = chain.filters
    assert last.typed_config is not None
    manager = HttpConnectionManager.parse(last.typed_config.value)
    return [*(f.name for f in before), *(f.name for f in manager.http_filters)]


def test_a_cluster_refers_to_its_endpoints() -> None:
    eds = Cluster(name="c", type=ClusterDiscoveryType.EDS, eds_cluster_config=ClusterEdsClusterConfig(service_name="e"))
    assert only(compiled(add(eds)), CLUSTER).references == (Reference(ENDPOINT, "e"),)


def test_of_two_resources_with_one_name_the_first_stays_and_the_second_is_reported() -> None:
    result = compiled(add(Cluster(name="a", alt_stat_name="first")), add(Cluster(name="a", alt_stat_name="second")))
    assert Cluster.parse(only(result, CLUSTER).body).alt_stat_name == "first"
    assert "'a' is contributed twice" in result.errors[0].reason


def test_patches_run_last_and_touch_only_what_they_name() -> None:
    def rename_stats(cluster: Cluster) -> Cluster:
        cluster.alt_stat_name = "patched"
        return cluster

    def add_domain(host: VirtualHost) -> VirtualHost:
        host.domains.append("extra")
        return host

    result = compiled(
        patch(Cluster, "b", rename_stats),
        patch(VirtualHost, "v", add_domain),
        add(Cluster(name="a"), Cluster(name="b")),
        routes_of(host_part("v"), host_part("w")),
    )
    clusters = {r.name: Cluster.parse(r.body).alt_stat_name for r in result.snapshot[CLUSTER]}
    assert clusters == {"a": "", "b": "patched"}
    hosts = RouteConfiguration.parse(only(result, ROUTE).body).virtual_hosts
    assert [h.domains for h in hosts] == [["v", "extra"], ["w"]]


def test_a_patched_resource_keeps_its_ttl() -> None:
    def rename_stats(cluster: Cluster) -> Cluster:
        cluster.alt_stat_name = "patched"
        return cluster

    result = compiled(add(Cluster(name="a"), ttl=timedelta(minutes=1)), patch(Cluster, "a", rename_stats))
    assert only(result, CLUSTER).ttl == timedelta(minutes=1)


def test_a_failing_patch_is_left_out_and_reported() -> None:
    def fail(cluster: Cluster) -> Cluster:
        raise RuntimeError("no")

    def rename(cluster: Cluster) -> Cluster:
        cluster.name = "other"
        return cluster

    result = compiled(add(Cluster(name="a")), patch(Cluster, "a", fail), patch(Cluster, None, rename))
    assert only(result, CLUSTER).name == "a"
    assert Cluster.parse(only(result, CLUSTER).body).name == "a"
    assert ["RuntimeError" in e.reason or "renames" in e.reason for e in result.errors] == [True, True]


def test_a_failing_translator_keeps_what_it_last_returned_and_hurts_no_other() -> None:
    outcomes = iter([(add(Cluster(name="kept")),), None])

    def flaky(view: ProxyView, memo: Memo) -> Iterable[Contribution]:
        outcome = next(outcomes)
        if outcome is None:
            raise RuntimeError("broken")
        return outcome

    def steady(view: ProxyView, memo: Memo) -> Iterable[Contribution]:
        yield add(Cluster(name="steady"))

    pipeline = Pipeline((flaky, steady))
    assert not pipeline.compile(EMPTY_MESH, PROXY).errors
    second = pipeline.compile(replace(EMPTY_MESH), PROXY)
    assert {resource.name for resource in second.snapshot[CLUSTER]} == {"kept", "steady"}
    (error,) = second.errors
    assert "RuntimeError: broken" in error.reason
    assert "flaky" in error.translator
    assert "Traceback" in error.details


def test_equal_views_share_one_outcome() -> None:
    pipeline = Pipeline(())
    twin = replace(PROXY, id="other", ip_addresses=("10.0.0.2",))
    assert pipeline.compile(EMPTY_MESH, PROXY) is pipeline.compile(EMPTY_MESH, twin)


def test_an_empty_group_of_resources_is_no_resource() -> None:
    snapshot = compiled(Resources(())).snapshot
    assert sum(len(snapshot[type_url]) for type_url in snapshot) == 0


def test_a_large_filter_is_part_of_the_version_of_its_listener_however_it_is_hashed() -> None:
    chain_part = FilterChainPart(b"", HttpConnection(b"", Direction.INBOUND, 80))
    listener = ListenerPart("l", b"", (chain_part, chain_part))

    def built(*bodies: bytes) -> Resource:
        return build_listener(
            listener, *(HttpFilterPart(Phase.EXTENSION, body, frozenset(Direction)) for body in bodies)
        )

    large, other = b"a" * 10_000, b"a" * 9_999 + b"b"
    versions = {built(*bodies).version for bodies in ((large,), (other,), (large, b"a"), (b"a", large), (b"a",), ())}
    assert len(versions) == 6
    assert built(large).version == built(bytes(large)).version
    assert built(large).body.count(large) == 2
