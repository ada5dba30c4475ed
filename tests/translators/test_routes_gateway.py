"""The RouteConfigurations of a gateway."""

from __future__ import annotations

from dataclasses import replace

from tests.translators import kit, static
from xds.model.gateways import Gateway, HostSelector, Port, Server
from xds.model.labels import Labels
from xds.model.objects import ObjectMeta
from xds.model.routing import (
    Destination,
    HTTPMatchRequest,
    HTTPRoute,
    HTTPRouteDestination,
    MatchKind,
    StringMatch,
    VirtualService,
)
from xds.model.services import Protocol

PRODUCTPAGE = kit.service("productpage", kit.http(9080))
TO_PRODUCTPAGE = (HTTPRouteDestination(Destination(PRODUCTPAGE.hostname)),)
GATEWAY = ("default/gw",)


def gateway(*servers: Server) -> Gateway:
    return Gateway(kit.meta("Gateway", "gw"), Labels(), servers)


def server(number: int = 80, host: str = "*", bind: str = "", namespace: str = "*") -> Server:
    return Server(Port(number, Protocol.HTTP), (HostSelector(namespace, host),), kit.ORIGIN, bind)


def named(name: str, created: float = 0.0) -> ObjectMeta:
    return replace(kit.meta("VirtualService", name), created=created)


def path(uri: str) -> HTTPMatchRequest:
    return HTTPMatchRequest(uri=StringMatch(MatchKind.EXACT, uri), gateways=GATEWAY)


def virtual_service(meta: ObjectMeta, host: str, *uris: str) -> VirtualService:
    match = tuple(path(uri) for uri in uris)
    rule = HTTPRoute(0, kit.ORIGIN, name=meta.name, match=match, route=TO_PRODUCTPAGE)
    return VirtualService(meta, (host,), GATEWAY, (rule,))


def test_a_server_without_virtual_services_answers_404() -> None:
    mesh = kit.mesh([PRODUCTPAGE], gateways=[gateway(server())])
    ((name, config),) = static.route_configurations(mesh, kit.GATEWAY).items()
    (host,) = config.virtual_hosts
    assert (name, host.name, host.domains, host.routes) == ("http.80", "blackhole:80", ["*"], [])


def test_routes_go_to_the_services_only_port() -> None:
    mesh = kit.mesh([PRODUCTPAGE], gateways=[gateway(server())], virtual_services=[virtual_service(named("a"), "*")])
    (route,) = static.routes_of(mesh, "*:80", kit.GATEWAY, "http.80")
    assert route.route is not None
    assert route.route.cluster == f"outbound|9080||{PRODUCTPAGE.hostname}"


def test_virtual_services_of_a_host_merge_by_age_and_catch_alls_come_last() -> None:
    oldest = virtual_service(named("oldest", 1.0), "shop.example.com")
    younger = virtual_service(named("younger", 2.0), "shop.example.com", "/a", "/b")
    youngest = virtual_service(named("youngest", 3.0), "shop.example.com", "/c")
    mesh = kit.mesh([PRODUCTPAGE], gateways=[gateway(server())], virtual_services=[oldest, younger, youngest])
    routes = static.routes_of(mesh, "shop.example.com:80", kit.GATEWAY, "http.80")
    assert [route.name for route in routes] == ["younger", "younger", "youngest", "oldest"]


def test_only_what_a_server_exposes() -> None:
    mesh = kit.mesh(
        [PRODUCTPAGE],
        gateways=[gateway(server(host="*.example.com"), server(8080, "*", namespace="other"))],
        virtual_services=[virtual_service(named("a"), "shop.example.com"), virtual_service(named("b"), "shop.org")],
    )
    assert list(static.virtual_hosts(mesh, kit.GATEWAY, "http.80")) == ["shop.example.com:80"]
    assert list(static.virtual_hosts(mesh, kit.GATEWAY, "http.8080")) == ["blackhole:8080"]


def test_a_server_with_a_bind_address_has_routes_of_its_own() -> None:
    mesh = kit.mesh([PRODUCTPAGE], gateways=[gateway(server(), server(bind="127.0.0.5"))])
    assert set(static.route_configurations(mesh, kit.GATEWAY)) == {"http.80", "http.80.127.0.0.5"}


def test_a_match_for_sidecars_is_not_for_gateways() -> None:
    rules = (
        HTTPRoute(0, kit.ORIGIN, match=(HTTPMatchRequest(gateways=("mesh",)),), route=TO_PRODUCTPAGE),
        HTTPRoute(1, kit.ORIGIN, match=(path("/a"),), route=TO_PRODUCTPAGE),
    )
    both = VirtualService(named("both"), ("shop.example.com",), ("mesh", *GATEWAY), rules)
    mesh = kit.mesh([PRODUCTPAGE], gateways=[gateway(server())], virtual_services=[both])
    (route,) = static.routes_of(mesh, "shop.example.com:80", kit.GATEWAY, "http.80")
    assert route.match is not None
    assert route.match.path == "/a"
