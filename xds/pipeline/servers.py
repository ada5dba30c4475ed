"""What a gateway proxy listens on: the servers of all Gateways that select it, grouped by port."""

from __future__ import annotations

from collections.abc import Iterator

from xds.model.gateway_ports import ListeningPort, PlacedServer, plan_ports
from xds.model.gateways import Gateway, Server
from xds.model.hosts import host_matches
from xds.model.routing import VirtualService
from xds.model.services import Protocol, ServiceInstance
from xds.model.view import GatewayPort, GatewayServer, ViewKey
from xds.pipeline.visible import bound_to


def gateway_ports(
    namespace: str, ports: tuple[ListeningPort, ...], virtual_services: tuple[VirtualService, ...]
) -> tuple[GatewayPort, ...]:
    """The ports with what is routed there. namespace: of the proxy."""
    running = {server.gateway.ref for port in ports for server in port.servers}
    bound = {gateway: bound_to(virtual_services, gateway, namespace) for gateway in running}
    return tuple(GatewayPort(port, tuple(_servers(port, bound))) for port in ports)


def _servers(port: ListeningPort, bound: dict[str, tuple[VirtualService, ...]]) -> Iterator[GatewayServer]:
    for running in port.servers:
        routes = bound[running.gateway.ref]
        yield GatewayServer(running, tuple(vs for vs in routes if exposed_hosts(running.server, vs)))


def listening_ports(key: ViewKey, gateways: tuple[Gateway, ...]) -> tuple[ListeningPort, ...]:
    """One entry for each (port, bind address), ordered; servers in the order of their Gateways' age, which ``gateways``
    are in."""
    selecting = (gateway for gateway in gateways if gateway.selector.selects(key.labels))
    placed = (
        PlacedServer(gateway, server, listening_port(server.port.number, key.instances))
        for gateway in selecting
        for server in gateway.servers
    )
    return plan_ports(placed).ports


def listening_port(number: int, instances: tuple[ServiceInstance, ...]) -> int:
    """Istio: where a Service leads to the gateway proxy, servers name ports of the Service, and the proxy listens where
    the Service sends them. Any other number is a port of the proxy itself."""
    targets = (i.target_port for i in instances if i.port.number == number and i.port.protocol is not Protocol.UDP)
    return next(targets, number)


def exposed_hosts(server: Server, virtual_service: VirtualService) -> tuple[str, ...]:
    """The hosts of ``virtual_service`` that ``server`` exposes: the narrower of two overlapping names, each once."""
    found: dict[str, None] = {}
    for host in virtual_service.hosts:
        for selector in server.hosts:
            if selector.namespace not in ("*", virtual_service.meta.namespace):
                continue
            narrower = _narrower(selector.host, host)
            if narrower is not None:
                found[narrower] = None
    return tuple(found)


def _narrower(a: str, b: str) -> str | None:
    if host_matches(a, b):
        return b
    return a if host_matches(b, a) else None
