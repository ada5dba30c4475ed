"""Whatever Gateways and routes share the ports of a proxy, Envoy accepts what is made of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.translators import kit, static
from xds.model.gateways import HTTP3_ANNOTATION, Gateway, HostSelector, Port, Server
from xds.model.labels import Labels
from xds.model.routing import (
    Destination,
    HTTPRoute,
    HTTPRouteDestination,
    L4MatchAttributes,
    L4Route,
    RouteDestination,
    VirtualService,
)
from xds.model.server_tls import ServerTLSMode, ServerTLSSettings
from xds.model.services import Protocol

SHOP = kit.service("shop")
HOSTS = ("a.example.com", "b.example.com", "*.example.com", "*", "*.svc.cluster.local")
SERVED_ELSEWHERE = ("elsewhere://certificate",)
"""Needs no Secret."""

_HOSTS = st.lists(st.sampled_from(HOSTS), min_size=1, max_size=3, unique=True)
_MODES = st.sampled_from(list(ServerTLSMode))


@st.composite
def servers(draw: st.DrawFn) -> Server:
    selectors = tuple(HostSelector(draw(st.sampled_from(["*", "default", "other"])), host) for host in draw(_HOSTS))
    protocol = draw(st.sampled_from([Protocol.HTTP, Protocol.GRPC, Protocol.TCP, Protocol.HTTPS, Protocol.TLS]))
    tls = ServerTLSSettings(draw(_MODES), draw(st.booleans()), SERVED_ELSEWHERE) if protocol.is_tls else None
    if protocol.is_http and draw(st.booleans()):
        tls = ServerTLSSettings(https_redirect=True)
    port = Port(draw(st.sampled_from([80, 443])), protocol)
    return Server(port, selectors, kit.ORIGIN, draw(st.sampled_from(["", "127.0.0.9"])), tls=tls)


@st.composite
def virtual_services(draw: st.DrawFn) -> VirtualService:
    bound = tuple(draw(st.lists(st.sampled_from(["default/gw0", "default/gw1"]), min_size=1, unique=True)))
    names = tuple(draw(_HOSTS))
    to = (RouteDestination(Destination(SHOP.hostname)),)
    match = L4MatchAttributes(gateways=bound, sni_hosts=tuple(draw(_HOSTS)), port=draw(st.sampled_from([None, 443])))
    return VirtualService(
        kit.meta("VirtualService", draw(st.sampled_from(["x", "y", "z"]))),
        names,
        bound,
        http=(HTTPRoute(0, kit.ORIGIN, route=(HTTPRouteDestination(Destination(SHOP.hostname)),)),),
        tls=(L4Route(0, kit.ORIGIN, (match,), to),),
        tcp=(L4Route(0, kit.ORIGIN, (), to),),
    )


def gateway(index: int, listed: list[Server], *, http3: bool) -> Gateway:
    """Port names are of their own, as the parser wants them."""
    named = (replace(each, port=replace(each.port, name=f"port-{n}"), index=n) for n, each in enumerate(listed))
    annotations = Labels({HTTP3_ANNOTATION: "true"}) if http3 else Labels()
    return Gateway(replace(kit.meta("Gateway", f"gw{index}"), annotations=annotations), Labels(), tuple(named))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(servers(), min_size=1, max_size=4), min_size=1, max_size=2),
    st.lists(virtual_services(), max_size=3, unique_by=lambda each: each.meta.name),
    st.booleans(),
)
def test_envoy_accepts_whatever_shares_a_port(
    tmp_path_factory: pytest.TempPathFactory, listed: list[list[Server]], routes: list[VirtualService], http3: bool
) -> None:
    gateways = [gateway(index, each, http3=http3) for index, each in enumerate(listed)]
    mesh = kit.mesh([SHOP], gateways=gateways, virtual_services=routes)
    static.validate(mesh, kit.GATEWAY, tmp_path_factory.mktemp("gateways"))
