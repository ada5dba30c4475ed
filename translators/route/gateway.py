"""The RouteConfigurations of a gateway proxy: ``http.<port>``."""

from __future__ import annotations

from collections.abc import Iterator

from translators.names import blackhole_virtual_host, gateway_http_route
from translators.route.client import ServiceIndex, client_rules, index_services, interned
from translators.route.rules import HostRoutes, host_routes
from translators.route.virtual_hosts import configuration, merged_host, part
from xds.model.hosts import specificity
from xds.model.objects import ObjectKey
from xds.model.routing import VirtualService
from xds.model.view import GatewayPort, ProxyView, ViewKey
from xds.pipeline.contribution import VirtualHostPart, VirtualHosts
from xds.pipeline.memo import Memo
from xds.pipeline.servers import exposed_hosts

_Bound = tuple[VirtualService, str]
"""A VirtualService and the gateway that it is bound to."""


def serves_http(port: GatewayPort) -> bool:
    """True if any server of the port is plain-text HTTP: they all share one RouteConfiguration."""
    return any(entry.server.port.protocol.is_http for entry in port.servers)


def gateway_route(port: GatewayPort) -> str:
    """``http.80``, or ``http.80.10.0.0.1`` for servers that bind an address of their own."""
    name = gateway_http_route(port.number)
    return f"{name}.{port.bind}" if port.bind else name


def gateway_routes(view: ProxyView, memo: Memo) -> Iterator[VirtualHosts]:
    """One RouteConfiguration for each port that speaks HTTP."""
    index = memo(index_services, view.services, view.settings.retries)
    for port in filter(serves_http, view.gateway):
        hosts = list(_virtual_hosts(port, view.key, index, memo)) or [memo(_blackhole, port.number)]
        yield memo(configuration, gateway_route(port), True, memo(interned, *hosts))


def _virtual_hosts(port: GatewayPort, key: ViewKey, index: ServiceIndex, memo: Memo) -> Iterator[VirtualHostPart]:
    for host, bound in memo(_by_host, port):
        sources = [memo(_routes, vs, gateway, port.number, key, index, memo) for vs, gateway in bound]
        if any(source.all for source in sources):
            origins = memo(_origins, *(key for vs, _ in bound for key in vs.origins))
            yield memo(merged_host, host, port.number, origins, *sources)


def _by_host(port: GatewayPort) -> tuple[tuple[str, tuple[_Bound, ...]], ...]:
    """Every host that the port exposes, most specific first, with the VirtualServices that route it, oldest first."""
    found: dict[str, dict[tuple[ObjectKey, str], _Bound]] = {}
    for entry in port.servers:
        if not entry.server.port.protocol.is_http:
            continue
        for virtual_service in entry.virtual_services:
            for host in exposed_hosts(entry.server, virtual_service):
                bound = (virtual_service, entry.gateway.ref)
                found.setdefault(host, {})[virtual_service.meta.key, entry.gateway.ref] = bound
    return tuple((host, tuple(sorted(found[host].values(), key=_age))) for host in sorted(found, key=specificity))


def _age(bound: _Bound) -> tuple[float, str, str]:
    return bound[0].meta.age_order


def _routes(
    virtual_service: VirtualService, gateway: str, port: int, key: ViewKey, index: ServiceIndex, memo: Memo
) -> HostRoutes:
    return memo(host_routes, client_rules(virtual_service, gateway, key, index, memo), port)


def _origins(*keys: ObjectKey) -> tuple[ObjectKey, ...]:
    return tuple(dict.fromkeys(keys))


def _blackhole(port: int) -> VirtualHostPart:
    """Has no routes, so that every request gets 404."""
    return part(blackhole_virtual_host(port), ("*",), ())
