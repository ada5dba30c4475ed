"""The RouteConfigurations of a sidecar: their names, their virtual hosts, and the domains of these."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translators import kit, static
from translators import routes
from translators.listener.address import EVERY_ADDRESS
from translators.route.outbound import unclaimed
from xds.model.gateways import HostSelector, IstioEgressListener, OutboundTrafficMode, Port, Sidecar
from xds.model.mesh import Mesh
from xds.model.proxy import Proxy
from xds.model.routing import Destination, HTTPRoute, HTTPRouteDestination, VirtualService
from xds.model.services import Protocol
from xds.model.settings import MeshSettings
from xds.pipeline import Memo, VirtualHosts, view_key, view_of

REVIEWS = kit.service("reviews")
HOST = REVIEWS.hostname
REGISTRY_ONLY = MeshSettings(outbound_traffic_policy=OutboundTrafficMode.REGISTRY_ONLY)


def virtual_service(name: str, host: str, subset: str = "", to: str = HOST) -> VirtualService:
    route = (HTTPRouteDestination(Destination(to, subset)),)
    return VirtualService(kit.meta("VirtualService", name), (host,), http=(HTTPRoute(0, kit.ORIGIN, route=route),))


def domains(mesh: Mesh, host: str, proxy: Proxy = kit.SIDECAR, route: str = "80") -> list[str]:
    return static.virtual_hosts(mesh, proxy, route)[host].domains


def test_one_route_configuration_for_each_http_port() -> None:
    other = kit.service("ratings", kit.http(9080), kit.port(3306, Protocol.MYSQL))
    found = static.route_configurations(kit.mesh([REVIEWS, other]))
    assert {name: [host.name for host in config.virtual_hosts] for name, config in found.items()} == {
        "80": [f"{HOST}:80", "allow_any"],
        "9080": [f"{other.hostname}:9080", "allow_any"],
    }
    assert all(config.ignore_port_in_host_matching for config in found.values())
    assert all(config.validate_clusters is False for config in found.values())


def test_in_its_own_namespace_a_service_has_its_short_name() -> None:
    unusable = (EVERY_ADDRESS, "10.1.0.0/16")
    mesh = kit.mesh([replace(REVIEWS, addresses=("10.0.0.1", "2001:db8::1", *unusable))])
    names = [HOST, "reviews", "reviews.default", "reviews.default.svc"]
    assert domains(mesh, f"{HOST}:80") == [*names, "10.0.0.1", "[2001:db8::1]"]


def test_from_another_namespace_the_namespace_is_part_of_the_name() -> None:
    found = domains(kit.mesh([REVIEWS]), f"{HOST}:80", kit.proxy(namespace="other"))
    assert found == [HOST, "reviews.default", "reviews.default.svc"]


def test_a_host_outside_the_cluster_has_one_name() -> None:
    mesh = kit.mesh([kit.service_entry("api.example.com")])
    assert domains(mesh, "api.example.com:80") == ["api.example.com"]


def test_the_pods_of_a_headless_service_have_names() -> None:
    mesh = kit.mesh([replace(REVIEWS, headless=True)])
    assert f"*.{HOST}" in domains(mesh, f"{HOST}:80")


def test_a_domain_is_claimed_once() -> None:
    mesh = kit.mesh([REVIEWS, kit.service_entry("reviews")])
    every = [domain for host in static.virtual_hosts(mesh).values() for domain in host.domains]
    assert len(every) == len(set(every))


@given(st.lists(st.lists(st.sampled_from(["a", "A", "b", "*.b", "c"]))))
def test_claims_never_overlap(hosts: list[list[str]]) -> None:
    taken: set[str] = set()
    claimed = [name.lower() for host in hosts for name in unclaimed(host, taken)]
    assert sorted(claimed) == sorted(taken) == sorted({name.lower() for host in hosts for name in host})


def test_unknown_hosts_pass_or_are_refused() -> None:
    (route,) = static.routes_of(kit.mesh([REVIEWS]), "allow_any")
    assert route.route is not None
    assert route.route.cluster == "PassthroughCluster"
    (route,) = static.routes_of(kit.mesh([REVIEWS], settings=REGISTRY_ONLY), "block_all")
    assert route.direct_response is not None
    assert route.direct_response.status == 502


def test_a_host_without_service_is_routed_on_port_80() -> None:
    other = kit.service("ratings", kit.http(9080))
    mesh = kit.mesh([REVIEWS, other], virtual_services=[virtual_service("shop", "shop.example.com", "v1")])
    found = static.route_configurations(mesh)
    assert [host.name for host in found["80"].virtual_hosts] == [f"{HOST}:80", "shop.example.com:80", "allow_any"]
    assert "shop.example.com:9080" not in [host.name for host in found["9080"].virtual_hosts]


def test_a_virtual_service_for_every_host_takes_the_place_of_the_catch_all() -> None:
    external = kit.service_entry("api.example.com", kit.port(443, Protocol.TLS), kit.http(8080))
    mesh = kit.mesh([external], virtual_services=[virtual_service("all", "*.org")])
    assert list(static.virtual_hosts(mesh, route="8080")) == ["api.example.com:8080", "allow_any"]


def test_a_wildcard_routes_the_services_under_it() -> None:
    mesh = kit.mesh([REVIEWS], virtual_services=[virtual_service("all", "*.default.svc.cluster.local", "v1")])
    (route,) = static.routes_of(mesh, f"{HOST}:80")
    assert route.route is not None
    assert route.route.cluster == f"outbound|80|v1|{HOST}"


def test_a_sniffed_service_with_an_address_has_a_route_configuration_of_its_own() -> None:
    unknown = replace(kit.service("queue", kit.port(9000, Protocol.UNSUPPORTED)), addresses=("10.0.0.9",))
    found = static.route_configurations(kit.mesh([unknown]))
    assert list(found) == [f"{unknown.hostname}:9000"]
    (host,) = found[f"{unknown.hostname}:9000"].virtual_hosts
    assert host.domains == ["*"]


def test_the_explicit_proxy_tells_ports_apart() -> None:
    other = kit.service("ratings", kit.http(9080))
    mesh = kit.mesh([REVIEWS, other], virtual_services=[virtual_service("shop", "shop.example.com")])
    found = static.route_configurations(mesh, kit.EXPLICIT)
    assert list(found) == ["http_proxy"]
    assert not found["http_proxy"].ignore_port_in_host_matching
    hosts = {host.name: host.domains for host in found["http_proxy"].virtual_hosts}
    assert {"reviews", "reviews:80", HOST} <= set(hosts[f"{HOST}:80"])
    assert hosts[f"{other.hostname}:9080"][:2] == [f"{other.hostname}:9080", "ratings:9080"]
    assert hosts["shop.example.com:80"] == ["shop.example.com", "shop.example.com:80"]
    assert list(hosts)[-1] == "block_all"


def test_the_explicit_proxy_refuses_unknown_hosts_even_if_any_is_allowed() -> None:
    (route,) = static.routes_of(kit.mesh([REVIEWS]), "block_all", kit.EXPLICIT, "http_proxy")
    assert route.direct_response is not None
    assert route.direct_response.status == 502
    assert route.direct_response.body is not None


def test_a_proxy_port_of_the_mesh_adds_the_explicit_proxy_to_captured_sidecars() -> None:
    found = static.route_configurations(kit.mesh([REVIEWS], settings=MeshSettings(proxy_http_port=15080)))
    assert set(found) == {"80", "http_proxy"}


def sidecar(*egress: IstioEgressListener) -> Sidecar:
    return Sidecar(kit.meta("Sidecar", "default"), egress=egress)


def test_a_declared_port_is_not_the_catch_alls() -> None:
    other = kit.service("ratings")
    own = IstioEgressListener((HostSelector("*", HOST),), kit.ORIGIN, Port(80, Protocol.HTTP))
    rest = IstioEgressListener((HostSelector("*", "*"),), kit.ORIGIN)
    mesh = kit.mesh([REVIEWS, other], sidecars=[sidecar(own, rest)])
    assert list(static.virtual_hosts(mesh)) == [f"{HOST}:80", "allow_any"]


def test_a_declared_port_without_services_still_answers() -> None:
    own = IstioEgressListener((HostSelector("*", "*"),), kit.ORIGIN, Port(8080, Protocol.HTTP))
    mesh = kit.mesh([REVIEWS], sidecars=[sidecar(own)])
    assert list(static.virtual_hosts(mesh, route="8080")) == ["allow_any"]


@pytest.mark.parametrize("capture", [kit.SIDECAR, kit.EXPLICIT])
def test_one_changed_virtual_service_rebuilds_one_virtual_host(capture: Proxy) -> None:
    services = [kit.service(f"s{n}") for n in range(50)]
    virtual_services = [virtual_service(f"v{n}", s.hostname, "v1", s.hostname) for n, s in enumerate(services)]
    mesh = kit.mesh(services, virtual_services=virtual_services)
    after = replace(mesh, virtual_services=(virtual_service("v0", services[0].hostname, "v2"), *virtual_services[1:]))
    memo = Memo()
    key = view_key(mesh, capture, memo)

    def hosts(mesh: Mesh) -> dict[str, object]:
        (table,) = routes.translate(view_of(mesh, key, memo), memo)
        assert isinstance(table, VirtualHosts)
        return {host.name: host for group in table.groups for host in group}

    first, second = hosts(mesh), hosts(after)
    assert [name for name in first if first[name] is not second[name]] == [f"{services[0].hostname}:80"]
