"""The filter chains of a gateway's servers: one for each server that routes requests, one for each rule otherwise.

A chain depends on its own server alone. Envoy keeps the connections of chains that do not change, so a server that
joins, leaves or changes costs no other one its connections.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Literal

from envoy_data_plane.envoy.config.listener.v3 import Filter, FilterChain, FilterChainMatch

from translators.listener.connection_manager import gateway_http
from translators.listener.server_tls import quic_socket, server_context, server_secrets, server_socket
from translators.listener.tcp import ANY, Wanted, chain_match, forwardings, to_cluster
from translators.names import outbound_sni
from translators.route.client import ClientRules
from translators.route.rules import config_metadata
from translators.tls import IN_MESH
from xds.model.gateway_ports import ListeningPort, RunningServer
from xds.model.server_tls import ServerTLSMode, ServerTLSSettings
from xds.model.services import Protocol
from xds.model.settings import MeshSettings, MeshTls
from xds.model.view import VisibleService
from xds.pipeline.contribution import FilterChainPart, HttpConnection
from xds.resources import PartSources, Source
from xds.wire.encode import encode

_HANDSHAKE: Final = timedelta(seconds=15)
"""How long a client may take for it; Istio's for gateways."""


@dataclass(frozen=True, slots=True, eq=False)
class ServerChain:
    """A filter chain, with all that it is for: Envoy refuses a listener with two chains for the same."""

    wanted: tuple[Wanted, ...]
    part: FilterChainPart


def server_source(running: RunningServer) -> Source:
    """Where the server is written."""
    return Source(running.gateway.meta.key, ("spec", "servers", running.server.index))


def plain_chain(port: ListeningPort, address: str, route: str, settings: MeshSettings) -> FilterChainPart:
    """The one chain of all plain-text HTTP servers of a port. It names no Gateway: connections stay when one joins."""
    sources = PartSources.of_rules(*map(server_source, port.servers))
    return FilterChainPart(encode(FilterChain()), gateway_http(address, port.number, route, settings), sources)


def https_chain(
    running: RunningServer, address: str, route: str, settings: MeshSettings, *credentials: str
) -> ServerChain:
    """The chain of a server that ends TLS and routes requests. credentials: those of its certificates."""
    http = gateway_http(address, running.placed.number, route, settings, running.server.name)
    if running.server.mode is ServerTLSMode.ISTIO_MUTUAL:
        http = replace(http, mtls=True)
    return _terminating(running, ANY, (), http, (server_source(running),), credentials, settings)


def http3_chain(
    running: RunningServer, address: str, route: str, settings: MeshSettings, *credentials: str
) -> FilterChainPart:
    """The chain of the same server over QUIC."""
    tls = _ended(running)
    http = gateway_http(address, running.placed.number, route, settings, running.server.name, http3=True)
    defaults = _defaults(tls, settings)
    socket = quic_socket(tls, credentials, defaults)
    chain = FilterChain(filter_chain_match=_named(ANY, running.server_names), transport_socket=socket)
    sources = PartSources.of_rules(server_source(running))
    return FilterChainPart(encode(chain), http, sources, server_secrets(tls, credentials, defaults))


def terminating_chains(
    running: RunningServer, rules: ClientRules, settings: MeshSettings, *credentials: str
) -> tuple[ServerChain, ...]:
    """The chains of a server that ends TLS and forwards what was in it, by rules for TCP as in Istio."""
    return tuple(
        _terminating(
            running,
            each.wanted,
            each.filters,
            None,
            (each.rule, server_source(running)),
            credentials,
            settings,
        )
        for each in forwardings("tcp", rules, running.server.port.number, settings, (ANY,))
    )


def tcp_chains(running: RunningServer, rules: ClientRules, settings: MeshSettings) -> tuple[ServerChain, ...]:
    """The chains of a server that forwards connections, whatever is in them."""
    return _by_rules("tcp", running, rules, settings)


def tls_chains(running: RunningServer, rules: ClientRules, settings: MeshSettings) -> tuple[ServerChain, ...]:
    """The chains of a server that forwards TLS as it is, by server name."""
    return _by_rules("tls", running, rules, settings)


def _by_rules(
    section: Literal["tcp", "tls"], running: RunningServer, rules: ClientRules, settings: MeshSettings
) -> tuple[ServerChain, ...]:
    return tuple(
        _forwarding(running, each.wanted, chain_match(each.wanted), each.filters, (each.rule, server_source(running)))
        for each in forwardings(section, rules, running.server.port.number, settings, (ANY,))
    )


def automatic_chains(
    running: RunningServer, visible: VisibleService, settings: MeshSettings
) -> tuple[ServerChain, ...]:
    """The chains by which sidecars of elsewhere reach a service: their server name says which port and subset."""
    subsets = visible.rule.subsets if visible.rule is not None else ()
    names = (
        outbound_sni(port.number, visible.service.hostname, subset)
        for port in visible.service.ports
        if port.protocol is not Protocol.UDP
        for subset in ("", *(each.name for each in subsets))
    )
    return tuple(_automatic(running, name, visible, settings) for name in names)


def _automatic(running: RunningServer, name: str, visible: VisibleService, settings: MeshSettings) -> ServerChain:
    match = FilterChainMatch(server_names=[name], application_protocols=list(IN_MESH))  # nobody else is passed on
    sources = (Source(visible.service.meta.key), server_source(running))
    return _forwarding(running, Wanted(name), match, to_cluster(name, settings), sources)


def _forwarding(
    running: RunningServer,
    wanted: Wanted,
    match: FilterChainMatch | None,
    filters: tuple[Filter, ...],
    sources: tuple[Source, ...],
) -> ServerChain:
    chain = FilterChain(filter_chain_match=match, filters=list(filters), metadata=config_metadata(running.gateway.meta))
    return ServerChain((wanted,), FilterChainPart(encode(chain), sources=PartSources.of_rules(*sources)))


def _terminating(
    running: RunningServer,
    wanted: Wanted,
    filters: tuple[Filter, ...],
    http: HttpConnection | None,
    sources: tuple[Source, ...],
    credentials: tuple[str, ...],
    settings: MeshSettings,
) -> ServerChain:
    tls = _ended(running)
    defaults = _defaults(tls, settings)
    context = server_context(tls, credentials, is_http=http is not None, defaults=defaults)
    chain = FilterChain(
        filter_chain_match=_named(wanted, running.server_names),
        filters=list(filters),
        transport_socket=server_socket(context),
        transport_socket_connect_timeout=_HANDSHAKE,
        metadata=config_metadata(running.gateway.meta),
    )
    secrets = server_secrets(tls, credentials, defaults)
    part = FilterChainPart(encode(chain), http, PartSources.of_rules(*sources), secrets)
    return ServerChain(tuple(replace(wanted, server_name=_exact(name)) for name in running.server_names), part)


def _defaults(tls: ServerTLSSettings, settings: MeshSettings) -> MeshTls:
    return settings.mesh_mtls if tls.mode is ServerTLSMode.ISTIO_MUTUAL else settings.tls


def _ended(running: RunningServer) -> ServerTLSSettings:
    if running.server.tls is None:
        raise TypeError("a server without TLS cannot end it")
    return running.server.tls


def _named(wanted: Wanted, names: tuple[str, ...]) -> FilterChainMatch | None:
    """With these conditions, and any of the names; ``*`` stands for all that no other chain names."""
    match = chain_match(wanted) or FilterChainMatch()
    match.server_names = [] if "*" in names else list(names)
    return match if wanted or match.server_names else None


def _exact(name: str) -> str:
    return "" if name == "*" else name
