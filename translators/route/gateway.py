"""The RouteConfigurations of a gateway proxy: ``http.<port>``, and one for each server that ends TLS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from translators.names import blackhole_virtual_host, gateway_http_route, gateway_https_route
from translators.route.client import ServiceIndex, client_rules, index_services, interned
from translators.route.rules import HostRoutes, host_routes
from translators.route.virtual_hosts import configuration, http3_configuration, merged_host, part
from xds.model.gateway_ports import ListeningPort, RunningServer
from xds.model.gateways import Transport
from xds.model.hosts import specificity
from xds.model.objects import ObjectKey
from xds.model.routing import VirtualService
from xds.model.view import GatewayPort, GatewayServer, ProxyView, ViewKey
from xds.pipeline.contribution import VirtualHostPart, VirtualHosts
from xds.pipeline.memo import Memo

_Bound = tuple[VirtualService, str, int]
"""A VirtualService, the gateway that it is bound to, and the port of its server."""


def plain_route(port: ListeningPort) -> str:
    """``http.80``, or ``http.80.10.0.0.1`` for servers that bind an address of their own."""
    name = gateway_http_route(port.number)
    return f"{name}.{port.bind}" if port.bind else name


def https_route(running: RunningServer) -> str:
    """``https.443.<portName>.<gateway>.<namespace>``."""
    port, meta = running.server.port, running.gateway.meta
    return gateway_https_route(port.number, port.name, meta.name, meta.namespace)


def gateway_routes(view: ProxyView, memo: Memo) -> Iterator[VirtualHosts]:
    """One RouteConfiguration for the plain-text servers of a port, and one for each server that ends TLS."""
    index = memo(index_services, view.services, view.settings.retries)
    for port in view.gateway:
        for table in memo(_tables, port):
            hosts = list(_virtual_hosts(table, view.key, index, memo)) or [memo(_blackhole, table.number)]
            if table.http3:
                yield memo(http3_configuration, table.name, table.number, memo(interned, *hosts))
            else:
                yield memo(configuration, table.name, True, memo(interned, *hosts))


class _Host(NamedTuple):
    """A virtual host to be. redirects: whether plain-text requests are sent to https. bound: who routes, oldest
    first."""

    name: str
    redirects: bool
    bound: tuple[_Bound, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """A RouteConfiguration to be. number: of the port. hosts: the most specific first. http3: spoken there too."""

    name: str
    number: int
    hosts: tuple[_Host, ...]
    http3: bool


def _tables(port: GatewayPort) -> tuple[_Table, ...]:
    if port.transport is Transport.HTTP:
        return (_table(plain_route(port.listening), port.servers),)
    ends_tls = (entry for entry in port.servers if entry.server.is_https)
    return tuple(_table(https_route(entry.running), (entry,)) for entry in ends_tls)


def _table(name: str, servers: tuple[GatewayServer, ...]) -> _Table:
    found: dict[str, dict[tuple[ObjectKey, str], _Bound]] = {}
    redirected: set[str] = set()
    for entry in servers:
        gateway, number = entry.gateway.ref, entry.server.port.number
        for virtual_service, hosts in zip(entry.virtual_services, entry.exposed, strict=True):
            bound = (virtual_service, gateway, number)
            for host in hosts:
                found.setdefault(host, {})[virtual_service.meta.key, gateway] = bound
        if entry.server.redirects:
            redirected.update(selector.host for selector in entry.server.hosts)
            redirected.update(chain.from_iterable(entry.exposed))
    names = sorted({**found, **dict.fromkeys(redirected)}, key=specificity)
    ordered = (_Host(n, n in redirected, tuple(sorted(found.get(n, {}).values(), key=_age))) for n in names)
    return _Table(name, servers[0].server.port.number, tuple(ordered), servers[0].running.placed.http3)


def _age(bound: _Bound) -> tuple[float, str, str]:
    return bound[0].meta.age_order


def _virtual_hosts(table: _Table, key: ViewKey, index: ServiceIndex, memo: Memo) -> Iterator[VirtualHostPart]:
    for name, redirects, bound in table.hosts:
        sources = [memo(_routes, vs, gateway, port, key, index, memo) for vs, gateway, port in bound]
        if redirects or any(source.all for source in sources):
            origins = memo(_origins, *(key for vs, _, _ in bound for key in vs.origins))
            yield memo(merged_host, name, table.number, origins, redirects, *sources)


def _routes(
    virtual_service: VirtualService, gateway: str, port: int, key: ViewKey, index: ServiceIndex, memo: Memo
) -> HostRoutes:
    return memo(host_routes, client_rules(virtual_service, gateway, key, index, memo), port)


def _origins(*keys: ObjectKey) -> tuple[ObjectKey, ...]:
    return tuple(dict.fromkeys(keys))


def _blackhole(port: int) -> VirtualHostPart:
    """Has no routes, so that every request gets 404."""
    return part(blackhole_virtual_host(port), ("*",), ())
