"""The RouteConfigurations of a sidecar's outbound listeners."""

from __future__ import annotations

from collections.abc import Iterator

from translators.listener.address import is_unix_socket
from translators.names import DYNAMIC_DNS_CLUSTER, HTTP_PROXY, PASSTHROUGH_CLUSTER
from translators.route.client import ServiceIndex, client_rules, index_services, interned
from translators.route.destination import egress_proxy_cluster
from translators.route.domains import host_domains, with_port
from translators.route.outbound import (
    PortHost,
    RouteTable,
    carries_http,
    empty_table,
    proxy_table,
    route_tables,
    sniffed_tables,
    unclaimed,
)
from translators.route.virtual_hosts import allow_any, block_all, configuration, routed_host, service_host
from xds.model.gateways import OutboundTrafficMode
from xds.model.hosts import host_matches
from xds.model.proxy import CaptureMode
from xds.model.routing import MESH_GATEWAY, VirtualService
from xds.model.view import EgressListener, ProxyView, RoutedHosts, ViewKey
from xds.pipeline.contribution import VirtualHostPart, VirtualHosts
from xds.pipeline.memo import Memo

_UNMATCHED_PORT = 80
"""Where Istio puts the hosts of VirtualServices that no service has."""

_NOT_IN_MESH = "no service of the mesh has this host\n"


def sidecar_routes(view: ProxyView, memo: Memo) -> Iterator[VirtualHosts]:
    """One RouteConfiguration for each name that an outbound listener asks for."""
    named = frozenset(listener.port.number for listener in view.egress if listener.port is not None)
    done: set[str] = set()
    for listener in view.egress:
        for table in _tables(view, listener, named, memo):
            if table.name not in done:
                done.add(table.name)
                yield _Builder(view, listener, memo).build(table)


def _tables(view: ProxyView, listener: EgressListener, named: frozenset[int], memo: Memo) -> Iterator[RouteTable]:
    dns_domain = view.key.dns_domain
    if listener.port is None and uses_http_proxy(view):
        yield memo(proxy_table, HTTP_PROXY, listener.services, dns_domain, memo)
    if listener.port is None and view.key.capture is CaptureMode.NONE:
        return
    if listener.port is not None and is_unix_socket(listener.bind):
        if carries_http(listener.port.protocol):
            yield memo(proxy_table, listener.bind, listener.services, dns_domain, memo)
        return
    by_port = memo(route_tables, listener.services, dns_domain, memo)
    if listener.port is not None:
        if carries_http(listener.port.protocol):
            number = listener.port.number
            yield by_port.get(number) or memo(empty_table, number)
        return
    yield from (table for port, table in by_port.items() if table.everywhere and port not in named)
    yield from (table for table in memo(sniffed_tables, listener.services, memo) if table.port not in named)


def uses_http_proxy(view: ProxyView) -> bool:
    """True if the sidecar has an explicit HTTP proxy: always without capture, or where the mesh has a port for it."""
    return view.key.capture is CaptureMode.NONE or view.settings.proxy_http_port > 0


class _Builder:
    """Fills the tables of one egress listener."""

    def __init__(self, view: ProxyView, listener: EgressListener, memo: Memo) -> None:
        self._view = view
        self._key: ViewKey = view.key
        self._routed = listener.routed
        self._known: ServiceIndex = memo(index_services, listener.services, view.settings.retries)
        self._index: ServiceIndex = memo(index_services, listener.targets, view.settings.retries)
        self._memo = memo

    def build(self, table: RouteTable) -> VirtualHosts:
        """The RouteConfiguration of ``table``, with the rules that are in force."""
        groups = [self._group(group) for group in table.groups]
        if not table.alone:
            groups.append(self._memo(interned, *self._others(table)))
        return self._memo(configuration, table.name, not table.by_port, *groups)

    def _group(self, hosts: tuple[PortHost, ...]) -> tuple[VirtualHostPart, ...]:
        found = self._routed.find_all(host.visible.service.hostname for host in hosts)
        return self._memo(_service_hosts, hosts, self._key, self._index, self._memo, *found)

    def _others(self, table: RouteTable) -> Iterator[VirtualHostPart]:
        taken = set(table.taken)
        if table.port == _UNMATCHED_PORT:
            yield from self._unmatched_hosts(table, taken)
        if "*" not in taken:
            yield self._catch_all(table)

    def _unmatched_hosts(self, table: RouteTable, taken: set[str]) -> Iterator[VirtualHostPart]:
        memo, key = self._memo, self._key
        for host, virtual_service in memo(unmatched_hosts, self._routed, self._known):
            domains = memo(host_domains, host, key.dns_domain)
            if table.by_port and host != "*":
                domains = memo(with_port, domains, table.port)
            free = unclaimed(domains, taken)
            if not free:
                continue
            rules = client_rules(virtual_service, MESH_GATEWAY, key, self._index, memo)
            part = memo(routed_host, host, table.port, memo(interned, *free), rules)
            if part is not None:
                yield part

    def _catch_all(self, table: RouteTable) -> VirtualHostPart:
        """Without capture nobody knows where a request was going, so there is nowhere but its host, or the place that a
        Sidecar names, to pass it on to."""
        mode, memo = self._view.outbound_traffic_policy, self._memo
        if mode is OutboundTrafficMode.ALLOW_ANY_DYNAMIC_DNS:
            return memo(allow_any, DYNAMIC_DNS_CLUSTER)
        if mode is OutboundTrafficMode.ALLOW_ANY and (proxy := egress_proxy_cluster(self._view)):
            return memo(allow_any, proxy)
        if self._key.capture is CaptureMode.NONE or table.by_port:
            return memo(block_all, _NOT_IN_MESH)
        if mode is OutboundTrafficMode.REGISTRY_ONLY:
            return memo(block_all, "")
        return memo(allow_any, PASSTHROUGH_CLUSTER)


def _service_hosts(
    hosts: tuple[PortHost, ...], key: ViewKey, index: ServiceIndex, memo: Memo, *found: VirtualService | None
) -> tuple[VirtualHostPart, ...]:
    """The virtual hosts of a group, each with the VirtualService that was found for it."""
    rules = (client_rules(vs, MESH_GATEWAY, key, index, memo) if vs else None for vs in found)
    return tuple(
        memo(service_host, host.visible, host.port, host.domains, applied, index.retries)
        for host, applied in zip(hosts, rules, strict=True)
    )


def unmatched_hosts(routed: RoutedHosts, index: ServiceIndex) -> tuple[tuple[str, VirtualService], ...]:
    """The hosts of VirtualServices that no visible service has, or falls under."""
    known = index.by_host
    exact = ((host, vs) for host, vs in routed.exact.items() if host not in known)
    wildcard = ((host, vs) for host, vs in routed.wildcard if not any(host_matches(host, name) for name in known))
    return (*((host, vs) for host, vs in exact if vs.http), *((host, vs) for host, vs in wildcard if vs.http))
