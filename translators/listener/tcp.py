"""Connections that are forwarded as they are: Istio ``TCPRoute`` and ``TLSRoute``, and services without rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from envoy_data_plane.envoy.config.core.v3 import TransportSocket
from envoy_data_plane.envoy.config.listener.v3 import Filter, FilterChain, FilterChainMatch
from envoy_data_plane.envoy.extensions.filters.network.tcp_proxy.v3 import (
    TcpProxy,
    TcpProxyTunnelingConfig,
    TcpProxyWeightedCluster,
    TcpProxyWeightedClusterClusterWeight,
)
from envoy_data_plane.envoy.type.v3 import HashPolicy, HashPolicySourceIp

from translators.cluster.policy import PortPolicy
from translators.cluster.stat_name import stat_name
from translators.listener.access_log import tcp_logs
from translators.listener.address import EVERY_ADDRESS, cidr_range
from translators.listener.dynamic_forward_proxy import server_name_resolution
from translators.names import outbound_cluster
from translators.route.client import ClientRules
from translators.route.destination import consistent_hash, destination_cluster, destination_policy, destination_port
from translators.route.match import applies
from xds.model.policy import TunnelProtocol, TunnelSettings
from xds.model.routing import L4Route, RouteDestination
from xds.model.services import Service, ServicePort
from xds.model.settings import MeshSettings
from xds.model.view import VisibleService
from xds.pipeline.contribution import FilterChainPart
from xds.resources import NO_SOURCES, PartSources, Source
from xds.wire.encode import encode, pack_any

_TCP_PROXY = "envoy.filters.network.tcp_proxy"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which connections a chain is for. server_name: SNI. subnet, source: of the destination, of the client. Empty
    means any."""

    server_name: str = ""
    subnet: str = ""
    source: str = ""

    def __bool__(self) -> bool:
        """True if there is any condition."""
        return bool(self.server_name or self.subnet or self.source)


ANY = Wanted()


@dataclass(frozen=True, slots=True, eq=False)
class TcpChain:
    """A filter chain, with what it is for: Envoy refuses a listener with two chains for the same."""

    wanted: Wanted
    part: FilterChainPart


@dataclass(frozen=True, slots=True, eq=False)
class Forwarding:
    """Connections that a rule is for, and the network filters that forward them."""

    wanted: Wanted
    filters: tuple[Filter, ...]
    rule: Source


def cluster_chain(
    cluster: str,
    settings: MeshSettings,
    name: str = "",
    match: FilterChainMatch | None = None,
    idle_timeout: timedelta | None = None,
    socket: TransportSocket | None = None,
) -> FilterChainPart:
    """A chain that forwards to one cluster. idle_timeout: None for Envoy's hour. socket: None for connections as they
    come."""
    proxy = _to_cluster(cluster, settings)
    proxy.idle_timeout = idle_timeout
    return _chain(proxy, name, match, socket=socket)


def _chain(
    proxy: TcpProxy,
    name: str,
    match: FilterChainMatch | None,
    sources: PartSources = NO_SOURCES,
    resolving: Filter | None = None,
    socket: TransportSocket | None = None,
) -> FilterChainPart:
    filters = list(forwarding(proxy, resolving))
    chain = FilterChain(name=name, filter_chain_match=match, filters=filters, transport_socket=socket)
    return FilterChainPart(encode(chain), sources=sources)


def forwarding(proxy: TcpProxy, resolving: Filter | None = None) -> tuple[Filter, ...]:
    """The filters of a chain that forwards. resolving: what comes before the proxy if its cluster leads to whatever
    host the client names."""
    network_filter = Filter(name=_TCP_PROXY, typed_config=pack_any(proxy))
    return (network_filter,) if resolving is None else (resolving, network_filter)


def to_cluster(cluster: str, settings: MeshSettings) -> tuple[Filter, ...]:
    """The filters of a chain that forwards to one cluster."""
    return forwarding(_to_cluster(cluster, settings))


def service_chains(
    visible: VisibleService, port: ServicePort, address: str, settings: MeshSettings, rules: ClientRules | None
) -> tuple[TcpChain, ...]:
    """The chains of a service port for a sidecar; without rules that apply, they lead to the service itself.

    address: of the listener. One on every address has to tell by server name or subnet which service is meant.
    """
    default = _of_service(visible.service, port) if address == EVERY_ADDRESS else (ANY,)
    if rules is not None:
        chains = tuple(rule_chains("tls" if port.protocol.is_tls else "tcp", rules, port.number, settings, default))
        if chains:
            return chains
    cluster = outbound_cluster(port.number, visible.service.hostname)
    proxy = _to_cluster(cluster, settings)
    proxy.stat_prefix = _stat_prefix(visible, port.number, "", settings) or cluster
    _apply_policy(proxy, destination_policy(visible, port.number))
    sources = PartSources((visible.service.meta.key,))
    resolving = server_name_resolution(visible, port.number, settings)
    return tuple(TcpChain(wanted, _chain(proxy, "", chain_match(wanted), sources, resolving)) for wanted in default)


def _to_cluster(cluster: str, settings: MeshSettings) -> TcpProxy:
    return TcpProxy(stat_prefix=cluster, cluster=cluster, access_log=tcp_logs(settings))


def _stat_prefix(visible: VisibleService | None, port: int, subset: str, settings: MeshSettings) -> str:
    """What the mesh wants the statistics of a destination to be called; empty if that is left to the destination."""
    found = visible.service.port(port) if visible is not None else None
    if visible is None or found is None or not settings.outbound_stat_name:
        return ""
    return stat_name(settings.outbound_stat_name, visible.service, found, subset=subset)


def _apply_policy(proxy: TcpProxy, policy: PortPolicy) -> None:
    """What a DestinationRule asks of the filter and not of the cluster. Of a connection only the source is to hash."""
    tcp = policy.connection_pool.tcp if policy.connection_pool else None
    proxy.idle_timeout = tcp.idle_timeout if tcp else None
    lb = consistent_hash(policy)
    if lb is not None and lb.use_source_ip:
        proxy.hash_policy = [HashPolicy(source_ip=HashPolicySourceIp())]
    proxy.tunneling_config = _tunnel(policy.tunnel) if policy.tunnel is not None else None


def _tunnel(settings: TunnelSettings) -> TcpProxyTunnelingConfig:
    host = f"[{settings.target_host}]" if ":" in settings.target_host else settings.target_host
    return TcpProxyTunnelingConfig(
        hostname=f"{host}:{settings.target_port}", use_post=settings.protocol is TunnelProtocol.POST
    )


def _of_service(service: Service, port: ServicePort) -> tuple[Wanted, ...]:
    """How connections to a service without an address of its own are known: by SNI, by its blocks of addresses."""
    server_name = service.hostname if port.protocol.is_tls else ""
    blocks = () if service.headless else tuple(address for address in service.addresses if "/" in address)
    return tuple(Wanted(server_name, subnet) for subnet in blocks or ("",))


def rule_chains(
    section: Literal["tcp", "tls"], rules: ClientRules, port: int, settings: MeshSettings, default: tuple[Wanted, ...]
) -> Iterator[TcpChain]:
    """A chain for everything that a match of a rule names. section: which rules of the VirtualService. default: what
    stands where a match names nothing."""
    for each in forwardings(section, rules, port, settings, default):
        chain = FilterChain(filter_chain_match=chain_match(each.wanted), filters=list(each.filters))
        yield TcpChain(each.wanted, FilterChainPart(encode(chain), sources=PartSources.of_rules(each.rule)))


def forwardings(
    section: Literal["tcp", "tls"], rules: ClientRules, port: int, settings: MeshSettings, default: tuple[Wanted, ...]
) -> Iterator[Forwarding]:
    """What rules ask for, as `rule_chains` has it in chains."""
    virtual_service = rules.virtual_service
    for route in virtual_service.tls if section == "tls" else virtual_service.tcp:
        proxy = _proxy(route, rules, port, settings)
        filters = forwarding(proxy, _resolving(route, rules, port, settings))
        rule = Source(virtual_service.meta.key, ("spec", section, route.index))
        yield from (Forwarding(wanted, filters, rule) for wanted in _wanted(route, rules, port, default))


def _resolving(route: L4Route, rules: ClientRules, port: int, settings: MeshSettings) -> Filter | None:
    """Of a rule with one destination; with several it is not known which is chosen before the name is resolved."""
    if len(route.route) != 1:
        return None
    destination = route.route[0].destination
    target = rules.target(destination.host)
    return server_name_resolution(target, destination_port(destination, target, port), settings)


def _wanted(route: L4Route, rules: ClientRules, port: int, default: tuple[Wanted, ...]) -> Iterator[Wanted]:
    """One for each pair of server name and subnet, so that two rules for the same connection are seen as such."""
    if not route.match and rules.gateway in rules.virtual_service.gateways:
        yield from default
    for match in route.match:
        if applies(match, rules, port):
            names = match.sni_hosts or tuple(dict.fromkeys(wanted.server_name for wanted in default))
            subnets = match.destination_subnets or tuple(dict.fromkeys(wanted.subnet for wanted in default))
            pairs = ((name if name != "*" else "", subnet) for name in names for subnet in subnets)
            yield from (Wanted(name, subnet, match.source_subnet) for name, subnet in pairs)


def chain_match(wanted: Wanted) -> FilterChainMatch | None:
    """Envoy's match; None if there is no condition."""
    if not wanted:
        return None
    return FilterChainMatch(
        server_names=[wanted.server_name] if wanted.server_name else [],
        prefix_ranges=[cidr_range(wanted.subnet)] if wanted.subnet else [],
        source_prefix_ranges=[cidr_range(wanted.source)] if wanted.source else [],
    )


def _proxy(route: L4Route, rules: ClientRules, port: int, settings: MeshSettings) -> TcpProxy:
    if len(route.route) == 1:
        destination = route.route[0].destination
        target = rules.target(destination.host)
        proxy = _to_cluster(destination_cluster(destination, target, port), settings)
        number = destination_port(destination, target, port)
        proxy.stat_prefix = _stat_prefix(target, number, destination.subset, settings) or proxy.stat_prefix
        _apply_policy(proxy, destination_policy(target, number, destination.subset))
        return proxy
    weights = [
        TcpProxyWeightedClusterClusterWeight(name=_cluster(target, rules, port), weight=target.weight)
        for target in route.route
        if target.weight
    ]
    first = route.route[0].destination
    # The filter has one policy for all its clusters: as in Istio the first one's, without what its subset says.
    target = rules.target(first.host)
    number = destination_port(first, target, port)
    proxy = TcpProxy(
        stat_prefix=_stat_prefix(target, number, first.subset, settings) or first.host,
        weighted_clusters=TcpProxyWeightedCluster(clusters=weights),
        access_log=tcp_logs(settings),
    )
    _apply_policy(proxy, destination_policy(target, number))
    return proxy


def _cluster(target: RouteDestination, rules: ClientRules, port: int) -> str:
    return destination_cluster(target.destination, rules.target(target.destination.host), port)
