"""What gRPC clients without a proxy are given."""

from __future__ import annotations

from dataclasses import replace

import pytest
from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType, ClusterLbPolicy
from envoy_data_plane.envoy.config.endpoint.v3 import ClusterLoadAssignment
from envoy_data_plane.envoy.config.listener.v3 import Listener
from envoy_data_plane.envoy.config.route.v3 import RouteConfiguration
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpConnectionManager

from tests.translators import kit
from translators import DEFAULT
from xds.model.gateways import HostSelector, IstioEgressListener, Sidecar
from xds.model.mesh import Mesh
from xds.model.policy import (
    ClientTLSSettings,
    ConsistentHashLB,
    HashAlgorithm,
    LoadBalancerSettings,
    SimpleLB,
    TLSMode,
    TrafficPolicy,
)
from xds.model.proxy import Proxy
from xds.model.routing import Destination, HTTPRoute, HTTPRouteDestination, VirtualService
from xds.model.services import Protocol, Resolution, Service
from xds.model.view import ProxyView
from xds.pipeline import Contribution, Memo, Pipeline
from xds.pipeline.contribution import RouteOverride, RouteRef
from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, Snapshot, TypeUrl
from xds.wire.encode import encode, pack_any

ECHO = kit.service("echo", kit.port(80, Protocol.GRPC))
HOST = "echo.default.svc.cluster.local"
NAME = f"outbound|80||{HOST}"


def compiled(mesh: Mesh, proxy: Proxy = kit.GRPC_CLIENT) -> Snapshot:
    outcome = Pipeline(DEFAULT).compile(mesh, proxy)
    assert not outcome.errors
    return outcome.snapshot


def body(snapshot: Snapshot, url: TypeUrl, name: str) -> bytes:
    resource = snapshot[url].get(name)
    assert resource is not None, f"there are {sorted(snapshot[url].names)}"
    return resource.body


def cluster(policy: TrafficPolicy | None = None, service: Service = ECHO) -> Cluster:
    rules = [kit.rule(service, policy)] if policy is not None else []
    return Cluster.parse(body(compiled(kit.mesh([service], rules=rules)), CLUSTER, NAME))


def test_a_listener_for_every_name_leads_to_the_routes_of_the_port() -> None:
    snapshot = compiled(kit.mesh([ECHO]))
    assert set(snapshot[LISTENER].names) == {f"{HOST}:80", "echo.default.svc:80", "echo.default:80", "echo:80"}
    for resource in snapshot[LISTENER]:
        listener = Listener.parse(resource.body)
        assert listener.name == resource.name
        assert listener.api_listener is not None
        assert listener.api_listener.api_listener is not None
        manager = HttpConnectionManager.parse(listener.api_listener.api_listener.value)
        assert manager.rds is not None
        assert manager.rds.route_config_name == NAME
        assert [each.name for each in manager.http_filters] == ["envoy.filters.http.router"]


def test_short_names_are_those_of_the_clients_namespace() -> None:
    snapshot = compiled(kit.mesh([ECHO]), kit.proxy(namespace="other", proxyless=True))
    assert "echo:80" not in snapshot[LISTENER]
    assert "echo.default:80" in snapshot[LISTENER]


def test_the_domains_of_the_routes_are_what_clients_dial() -> None:
    routes = RouteConfiguration.parse(body(compiled(kit.mesh([ECHO])), ROUTE, NAME))
    (host,) = routes.virtual_hosts
    assert set(host.domains) == set(compiled(kit.mesh([ECHO]))[LISTENER].names)


def test_a_name_that_two_services_could_have_is_the_first_ones() -> None:
    entry = kit.service_entry("echo.default", kit.port(80, Protocol.GRPC))
    snapshot = compiled(kit.mesh([ECHO, entry]))
    claims = [domain for resource in snapshot[ROUTE] for domain in _domains(resource.body)]
    assert len(claims) == len(set(claims))
    assert set(claims) == set(snapshot[LISTENER].names)


def _domains(body: bytes) -> list[str]:
    return [domain for host in RouteConfiguration.parse(body).virtual_hosts for domain in host.domains]


def test_names_that_nobody_can_dial_have_no_listener() -> None:
    wildcard = kit.service_entry("*.example.com", kit.port(80, Protocol.GRPC))
    raw = kit.service("raw", kit.port(80, Protocol.TCP))
    headless = replace(kit.service("pods", kit.port(80, Protocol.GRPC)), headless=True)
    snapshot = compiled(kit.mesh([wildcard, raw, headless]))
    assert set(snapshot[LISTENER].names) == {
        "pods.default.svc.cluster.local:80",
        "pods.default.svc:80",
        "pods.default:80",
        "pods:80",
    }


def test_a_headless_service_has_its_endpoints_streamed() -> None:
    assert cluster(service=replace(ECHO, headless=True)).type is ClusterDiscoveryType.EDS


def routing(host: str, *to: HTTPRouteDestination) -> VirtualService:
    """Sends all calls of a host there."""
    rule = HTTPRoute(0, kit.ORIGIN, route=to)
    return VirtualService(kit.meta("VirtualService", host.replace(".", "-")), (host,), http=(rule,))


def test_routes_obey_the_virtual_service() -> None:
    v1 = HTTPRouteDestination(Destination(HOST, "v1"), 90)
    v2 = HTTPRouteDestination(Destination(HOST, "v2"), 10)
    canary = routing(HOST, v1, v2)
    subsets = kit.rule(ECHO, None, kit.subset("v1"), kit.subset("v2"))
    snapshot = compiled(kit.mesh([ECHO], rules=[subsets], virtual_services=[canary]))
    (host,) = RouteConfiguration.parse(body(snapshot, ROUTE, NAME)).virtual_hosts
    action = host.routes[0].route
    assert action is not None
    assert action.weighted_clusters is not None
    shares = {each.name: each.weight for each in action.weighted_clusters.clusters}
    assert shares == {f"outbound|80|v1|{HOST}": 90, f"outbound|80|v2|{HOST}": 10}
    assert shares.keys() <= set(snapshot[CLUSTER].names)
    assert shares.keys() <= set(snapshot[ENDPOINT].names)


def test_a_sidecar_object_narrows_what_a_client_may_call() -> None:
    egress = (IstioEgressListener((HostSelector("*", "nothing.example.com"),), kit.ORIGIN),)
    sidecar = Sidecar(kit.meta("Sidecar", "default"), egress=egress)
    assert not set(compiled(kit.mesh([ECHO], sidecars=[sidecar]))[LISTENER].names)


@pytest.mark.parametrize("simple", [None, SimpleLB.LEAST_REQUEST, SimpleLB.RANDOM, SimpleLB.PASSTHROUGH])
def test_clients_know_no_other_policy_than_round_robin(simple: SimpleLB | None) -> None:
    policy = TrafficPolicy(load_balancer=LoadBalancerSettings(simple=simple)) if simple else None
    assert cluster(policy).lb_policy is ClusterLbPolicy.ROUND_ROBIN


@pytest.mark.parametrize(
    ("algorithm", "size", "ring"),
    [
        (HashAlgorithm.RING_HASH, None, 1024),
        (HashAlgorithm.RING_HASH, 4096, 4096),
        (HashAlgorithm.RING_HASH, 2**24, 2**23),
        (HashAlgorithm.MAGLEV, 65537, 1024),
    ],
)
def test_hashing_is_a_ring_of_a_size_that_clients_accept(algorithm: HashAlgorithm, size: int | None, ring: int) -> None:
    hashing = ConsistentHashLB(http_header_name="x-user", algorithm=algorithm, size=size)
    found = cluster(TrafficPolicy(load_balancer=LoadBalancerSettings(consistent_hash=hashing)))
    assert found.lb_policy is ClusterLbPolicy.RING_HASH
    assert found.ring_hash_lb_config is not None
    assert found.ring_hash_lb_config.minimum_ring_size == ring


def leads_nowhere(snapshot: Snapshot, name: str) -> bool:
    config = Cluster.parse(body(snapshot, CLUSTER, name)).eds_cluster_config
    assert config is not None
    return not ClusterLoadAssignment.parse(body(snapshot, ENDPOINT, config.service_name)).endpoints


@pytest.mark.parametrize("mode", [TLSMode.SIMPLE, TLSMode.MUTUAL])
def test_nothing_in_plain_text_where_tls_is_asked_for(mode: TLSMode) -> None:
    running = [kit.endpoints(ECHO, "10.0.0.1")]
    rule = kit.rule(ECHO, TrafficPolicy(tls=ClientTLSSettings(mode)))
    assert not leads_nowhere(compiled(kit.mesh([ECHO], running)), NAME)
    assert leads_nowhere(compiled(kit.mesh([ECHO], running, [rule])), NAME)


def test_names_to_resolve_lead_nowhere() -> None:
    entry = replace(kit.service_entry("outside.example.com"), resolution=Resolution.DNS)
    snapshot = compiled(kit.mesh([entry], [kit.endpoints(entry, "backend.example.com")]))
    assert leads_nowhere(snapshot, "outbound|80||outside.example.com")


def test_a_destination_that_nobody_knows_exists_and_leads_nowhere() -> None:
    other = kit.service("other", kit.port(80, Protocol.GRPC))
    unknown = HTTPRouteDestination(Destination("nobody.example.com", port=7))
    rules = [routing(host, unknown) for host in (HOST, other.hostname)]
    snapshot = compiled(kit.mesh([ECHO, other], virtual_services=rules))
    assert leads_nowhere(snapshot, "outbound|7||nobody.example.com")


def test_overrides_for_filters_do_not_reach_clients() -> None:
    virtual_service = routing(HOST, HTTPRouteDestination(Destination(HOST)))

    def override(_view: ProxyView, _memo: Memo) -> list[Contribution]:
        return [RouteOverride(RouteRef(virtual_service.meta.key, 0), "a.filter", encode(pack_any(Router())))]

    mesh = kit.mesh([ECHO], virtual_services=[virtual_service])
    snapshot = Pipeline((*DEFAULT, override)).compile(mesh, kit.GRPC_CLIENT).snapshot
    (host,) = RouteConfiguration.parse(body(snapshot, ROUTE, NAME)).virtual_hosts
    assert [dict(route.typed_per_filter_config) for route in host.routes] == [{}]


def test_envoys_get_nothing_of_it_and_clients_nothing_of_theirs() -> None:
    envoys, clients = (compiled(kit.mesh([ECHO]), proxy) for proxy in (kit.SIDECAR, kit.GRPC_CLIENT))
    assert "virtualOutbound" in envoys[LISTENER]
    assert not set(envoys[LISTENER].names) & set(clients[LISTENER].names)
    assert not set(envoys[ROUTE].names) & set(clients[ROUTE].names)
    assert set(clients[CLUSTER].names) == {NAME}
