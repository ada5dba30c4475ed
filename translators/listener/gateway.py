"""The listeners of a gateway proxy: one for each port and bind address, whatever Gateways share it."""

from __future__ import annotations

from collections.abc import Iterator

from envoy_data_plane.envoy.config.core.v3 import TrafficDirection
from envoy_data_plane.envoy.config.listener.v3 import FilterChain, Listener

from translators.listener.address import EVERY_ADDRESS, socket_address
from translators.listener.connection_manager import gateway_http
from translators.listener.tcp import TcpChain, Wanted, gateway_chains
from translators.names import outbound_listener
from translators.route.client import ServiceIndex, client_rules, index_services
from translators.route.gateway import gateway_route, serves_http
from translators.route.rules import config_metadata
from xds.model.objects import ObjectMeta
from xds.model.settings import MeshSettings
from xds.model.view import GatewayPort, GatewayServer, ProxyView
from xds.pipeline.contribution import FilterChainPart, ListenerPart
from xds.pipeline.memo import Memo
from xds.wire.encode import encode


def gateway_listeners(view: ProxyView, memo: Memo) -> Iterator[ListenerPart]:
    """HTTP ports, and TCP ports that some VirtualService routes. Where both are asked for, HTTP has the port."""
    settings = view.settings
    for port in view.gateway:
        address = port.bind or EVERY_ADDRESS
        if serves_http(port):
            metas = dict.fromkeys(entry.gateway.meta for entry in port.servers if entry.server.port.protocol.is_http)
            yield memo(http_listener, address, port.number, gateway_route(port), settings, *metas)
        else:
            yield from _tcp(port, view, memo)


def http_listener(address: str, number: int, route: str, settings: MeshSettings, *gateways: ObjectMeta) -> ListenerPart:
    """The listener that all HTTP servers of a port share. gateways: the objects they are from."""
    chain = FilterChainPart(encode(FilterChain()), gateway_http(address, number, route, settings))
    return _listener(address, number, gateways, (chain,), (route,))


def _tcp(port: GatewayPort, view: ProxyView, memo: Memo) -> Iterator[ListenerPart]:
    index = memo(index_services, view.services, view.settings.retries)
    chains: dict[Wanted, FilterChainPart] = {}
    for entry in port.servers:
        if entry.server.port.protocol.is_tcp and not entry.server.port.protocol.is_tls:
            for chain in _server_chains(entry, port.number, view, index, memo):
                chains.setdefault(chain.wanted, chain.part)
    if chains:
        metas = dict.fromkeys(entry.gateway.meta for entry in port.servers)
        yield _listener(port.bind or EVERY_ADDRESS, port.number, tuple(metas), tuple(chains.values()), ())


def _server_chains(
    entry: GatewayServer, number: int, view: ProxyView, index: ServiceIndex, memo: Memo
) -> Iterator[TcpChain]:
    for virtual_service in entry.virtual_services:
        rules = client_rules(virtual_service, entry.gateway.ref, view.key, index, memo)
        yield from memo(gateway_chains, rules, number, view.settings)


def _listener(
    address: str,
    number: int,
    gateways: tuple[ObjectMeta, ...],
    chains: tuple[FilterChainPart, ...],
    routes: tuple[str, ...],
) -> ListenerPart:
    """Istio's tools are told the first of the gateways."""
    name = outbound_listener(number, address)
    body = Listener(
        name=name,
        address=socket_address(address, number),
        traffic_direction=TrafficDirection.OUTBOUND,
        metadata=config_metadata(gateways[0]),
    )
    return ListenerPart(name, encode(body), chains, routes=routes, origins=tuple(meta.key for meta in gateways))
