"""What a gateway proxy listens on: the servers of all Gateways that select it, grouped by port."""

from __future__ import annotations

from xds.model.gateways import Gateway, Server
from xds.model.hosts import host_matches
from xds.model.routing import VirtualService
from xds.model.view import GatewayPort, GatewayServer, ViewKey
from xds.pipeline.visible import bound_to


def gateway_ports(
    key: ViewKey, gateways: tuple[Gateway, ...], virtual_services: tuple[VirtualService, ...]
) -> tuple[GatewayPort, ...]:
    """One entry for each (port, bind address), ordered; servers in the order of their Gateways' age."""
    by_address: dict[tuple[int, str], list[GatewayServer]] = {}
    for gateway in gateways:
        if not gateway.selector.selects(key.labels):
            continue
        bound = bound_to(virtual_services, gateway.ref, key.namespace)
        for server in gateway.servers:
            routes = tuple(vs for vs in bound if exposed_hosts(server, vs))
            entry = GatewayServer(gateway, server, routes)
            by_address.setdefault((server.port.number, server.bind), []).append(entry)
    return tuple(GatewayPort(number, bind, tuple(by_address[number, bind])) for number, bind in sorted(by_address))


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
