"""What a gateway proxy listens on: the servers of all Gateways that select it, grouped by port."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from xds.model.gateway_ports import ListeningPort, PlacedServer, RunningServer, plan_ports
from xds.model.gateways import Gateway, Server
from xds.model.hosts import host_matches, is_wildcard
from xds.model.routing import VirtualService
from xds.model.services import ServiceInstance
from xds.model.view import GatewayPort, GatewayServer, ViewKey
from xds.pipeline.visible import bound_to, exported_to

_FEW: Final = 4


def gateway_ports(
    namespace: str, ports: tuple[ListeningPort, ...], virtual_services: tuple[VirtualService, ...]
) -> tuple[GatewayPort, ...]:
    """The ports with what is routed there. namespace: of the proxy."""
    running = {server.gateway.ref for port in ports for server in port.servers}
    bound = {gateway: _Bound(routes) for gateway, routes in _routes(virtual_services, running, namespace).items()}
    servers = {port: tuple(_server(each, bound[each.gateway.ref]) for each in port.servers) for port in ports}
    return tuple(GatewayPort(port, servers[port]) for port in ports)


def _routes(
    virtual_services: tuple[VirtualService, ...], gateways: set[str], namespace: str
) -> Mapping[str, Sequence[VirtualService]]:
    """By gateway, what is bound to it, oldest first."""
    if len(gateways) <= _FEW:
        return {gateway: bound_to(virtual_services, gateway, namespace) for gateway in gateways}
    found: dict[str, list[VirtualService]] = {gateway: [] for gateway in gateways}
    for virtual_service in virtual_services:
        if exported_to(virtual_service.export_to, namespace):
            for gateway in virtual_service.bound & gateways:
                found[gateway].append(virtual_service)
    return found


class _Bound:
    """The VirtualServices of one gateway, to be looked up by host: with a server for each host, as with certificates of
    their own, looking at all of them for each server would cost their product."""

    def __init__(self, virtual_services: Sequence[VirtualService]) -> None:
        self._all = virtual_services
        self._by_host: dict[str, list[int]] = {}
        self._wildcard: list[int] = []

    def candidates(self, server: Server) -> Iterable[VirtualService]:
        """Those of which the server may expose a host, oldest first."""
        names = [selector.host for selector in server.hosts]
        if any(map(is_wildcard, names)):
            return self._all
        if not self._by_host and not self._wildcard:
            self._index()
        found = {*self._wildcard, *(index for name in names for index in self._by_host.get(name, ()))}
        return (self._all[index] for index in sorted(found))

    def _index(self) -> None:
        for index, virtual_service in enumerate(self._all):
            for host in virtual_service.hosts:
                (self._wildcard if is_wildcard(host) else self._by_host.setdefault(host, [])).append(index)


def _server(running: RunningServer, bound: _Bound) -> GatewayServer:
    server = running.server
    pairs = [(vs, exposed_hosts(server, vs)) for vs in bound.candidates(server)]
    exposing = [pair for pair in pairs if pair[1]]
    return GatewayServer(running, tuple(vs for vs, _ in exposing), tuple(hosts for _, hosts in exposing))


def listening_ports(key: ViewKey, gateways: tuple[Gateway, ...]) -> tuple[ListeningPort, ...]:
    """One entry for each (port, bind address), ordered; servers in the order of their Gateways' age, which ``gateways``
    are in."""
    selecting = (gateway for gateway in gateways if gateway.selector.selects(key.labels))
    placed = (
        PlacedServer(
            gateway,
            server,
            listening_port(server.port.number, key.instances),
            http3=gateway.asks_for_http3 and server.may_speak_http3,
        )
        for gateway in selecting
        for server in gateway.servers
    )
    return plan_ports(placed).ports


def listening_port(number: int, instances: tuple[ServiceInstance, ...]) -> int:
    """Istio: where a Service leads to the gateway proxy, servers name ports of the Service, and the proxy listens where
    the Service sends them. Any other number is a port of the proxy itself."""
    targets = (instance.target_port for instance in instances if instance.port.number == number)
    return next(targets, number)


def exposed_hosts(server: Server, virtual_service: VirtualService) -> tuple[str, ...]:
    """The hosts of ``virtual_service`` that ``server`` exposes: the narrower of two overlapping names, each once."""
    found: dict[str, None] = {}
    namespace = virtual_service.meta.namespace
    for host in virtual_service.hosts:
        for selector in server.hosts:
            if selector.namespace not in ("*", namespace):
                continue
            narrower = _narrower(selector.host, host)
            if narrower is not None:
                found[narrower] = None
    return tuple(found)


def _narrower(a: str, b: str) -> str | None:
    if host_matches(a, b):
        return b
    return a if host_matches(b, a) else None
