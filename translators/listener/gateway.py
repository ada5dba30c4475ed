"""The listeners of a gateway proxy: one for each port and bind address, whatever Gateways share it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from envoy_data_plane.envoy.config.core.v3 import TrafficDirection
from envoy_data_plane.envoy.config.listener.v3 import Listener, QuicProtocolOptions, UdpListenerConfig

from translators.automatic import reachable
from translators.listener.address import EVERY_ADDRESS, bound_address, on_ipv6, udp_address
from translators.listener.gateway_chains import (
    ServerChain,
    automatic_chains,
    http3_chain,
    https_chain,
    plain_chain,
    tcp_chains,
    terminating_chains,
    tls_chains,
)
from translators.listener.sniffing import tls_inspector
from translators.listener.tcp import Wanted as Connections
from translators.names import outbound_listener
from translators.route.client import ServiceIndex, client_rules, index_services
from translators.route.gateway import https_route, plain_route
from xds.model.credential_names import Wanted, wanted_by_server
from xds.model.credentials import Credentials, bare_name
from xds.model.gateway_ports import ListeningPort, RunningServer, running_server
from xds.model.gateways import Server, Transport
from xds.model.objects import ObjectKey
from xds.model.server_tls import ServerTLSMode
from xds.model.settings import MeshSettings
from xds.model.view import GatewayPort, GatewayServer, ProxyView
from xds.pipeline.contribution import Direction, FilterChainPart, ListenerPart, Side
from xds.pipeline.memo import Memo
from xds.wire.encode import encode


def gateway_listeners(view: ProxyView, memo: Memo) -> Iterator[ListenerPart]:
    """One for each port with something to do: HTTP has an answer for everything, connections need a route."""
    for port in view.gateway:
        if port.transport is Transport.HTTP:
            yield memo(http_listener, port.listening, plain_route(port.listening), view.settings)
        else:
            chains = _distinct(_chains(port, view, memo))
            if chains:
                yield memo(chained_listener, port.listening, *chains)
            quic = list(_http3_chains(port, view, memo))
            if quic:
                yield memo(http3_listener, port.listening, *quic)


def http_listener(port: ListeningPort, route: str, settings: MeshSettings) -> ListenerPart:
    """The listener that all plain-text HTTP servers of a port share."""
    return _listener(port, (plain_chain(port, port.bind or EVERY_ADDRESS, route, settings),), (route,))


def chained_listener(port: ListeningPort, *chains: ServerChain) -> ListenerPart:
    """The listener of servers that have chains of their own."""
    parts = tuple(each.part for each in chains)
    routes = (https_route(each) for each in port.servers if each.server.is_https)
    return _listener(port, parts, tuple(routes))


def http3_listener(port: ListeningPort, *chains: FilterChainPart) -> ListenerPart:
    """The listener of the same servers over QUIC."""
    address = port.bind or EVERY_ADDRESS
    body = Listener(
        name=f"udp_{outbound_listener(port.number, address)}",
        address=udp_address(address, port.number),
        traffic_direction=TrafficDirection.OUTBOUND,
        udp_listener_config=UdpListenerConfig(quic_options=QuicProtocolOptions()),
    )
    speaking = [each for each in port.servers if each.placed.http3]
    routes = tuple(map(https_route, speaking))
    also = on_ipv6(address, port.number, udp=True)
    return ListenerPart(body.name, encode(body), chains, routes=routes, origins=_gateways(speaking), on_ipv6=also)


def _http3_chains(port: GatewayPort, view: ProxyView, memo: Memo) -> Iterator[FilterChainPart]:
    for entry in port.servers:
        credentials = usable_credentials(entry.server, view.credentials)
        if entry.running.placed.http3 and credentials is not None:
            running, route = _same(entry, memo), https_route(entry.running)
            yield memo(http3_chain, running, port.bind or EVERY_ADDRESS, route, view.settings, *credentials)


def _distinct(chains: Iterator[ServerChain]) -> list[ServerChain]:
    """Of two chains for the same connections the first holds."""
    claimed: set[Connections] = set()
    found: list[ServerChain] = []
    for each in chains:
        if claimed.isdisjoint(each.wanted):
            claimed.update(each.wanted)
            found.append(each)
    return found


def _chains(port: GatewayPort, view: ProxyView, memo: Memo) -> Iterator[ServerChain]:
    index = memo(index_services, view.services, view.settings.retries)
    return chain.from_iterable(_of_server(entry, port, view, index, memo) for entry in port.servers)


def _of_server(
    entry: GatewayServer, port: GatewayPort, view: ProxyView, index: ServiceIndex, memo: Memo
) -> Iterator[ServerChain]:
    mode, settings = entry.server.mode, view.settings
    running = _same(entry, memo)
    if mode is ServerTLSMode.AUTO_PASSTHROUGH:
        for visible in reachable((entry.server,), view.services):
            yield from memo(automatic_chains, running, visible, settings)
        return
    credentials = usable_credentials(entry.server, view.credentials)
    if credentials is None:
        return
    if entry.server.is_https:
        route = https_route(running)
        yield memo(https_chain, running, port.bind or EVERY_ADDRESS, route, settings, *credentials)
        return
    for virtual_service in entry.virtual_services:
        rules = client_rules(virtual_service, entry.gateway.ref, view.key, index, memo)
        if mode is not None and mode.terminates:
            yield from memo(terminating_chains, running, rules, settings, *credentials)
        else:
            yield from memo(tcp_chains if mode is None else tls_chains, running, rules, settings)


def _same(entry: GatewayServer, memo: Memo) -> RunningServer:
    """The server, as an object that a change of other Gateways leaves as it is."""
    placed, names = entry.running.placed, entry.running.server_names
    return memo(running_server, entry.gateway, entry.server, placed.number, placed.http3, *names)


def usable_credentials(server: Server, credentials: Credentials) -> tuple[str, ...] | None:
    """Those of the server's certificates that the proxy may have, which may be some of them; None if the server has to
    wait for credentials."""
    if server.tls is None or not server.tls.mode.terminates:
        return ()
    missing = {wanted for wanted in wanted_by_server(server.tls) if not _has(credentials, wanted)}
    if any(wanted.is_authority for wanted in missing):
        return None
    lost = {wanted.name for wanted in missing}
    names = server.tls.certificate_credentials
    found = tuple(name for name in names if bare_name(name) not in lost)
    return None if names and not found else found


def _has(credentials: Credentials, wanted: Wanted) -> bool:
    found = credentials.authority(wanted.name) if wanted.is_authority else credentials.get(wanted.name)
    return found is not None


def _listener(port: ListeningPort, chains: tuple[FilterChainPart, ...], routes: tuple[str, ...]) -> ListenerPart:
    """Nothing of it depends on which servers there are, but for its chains: whatever else changed would cost all of
    them their connections."""
    address = port.bind or EVERY_ADDRESS
    name = outbound_listener(port.number, address)
    body = Listener(
        name=name,
        address=bound_address(address, port.number),
        traffic_direction=TrafficDirection.OUTBOUND,
        listener_filters=[tls_inspector()] if port.transport is Transport.TLS else [],
    )
    side = Side(Direction.GATEWAY, port.number)
    origins, also = _gateways(port.servers), on_ipv6(address, port.number)
    return ListenerPart(name, encode(body), chains, routes=routes, origins=origins, side=side, on_ipv6=also)


def _gateways(servers: Iterable[RunningServer]) -> tuple[ObjectKey, ...]:
    return tuple(dict.fromkeys(each.gateway.meta.key for each in servers))
