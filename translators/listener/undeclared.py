"""What a captured workload receives on ports that no service declares: it is handed through to where it was dialled.

Requests there are told from other connections, as Istio does it, only for a proxy that is asked for something that
only requests have: whoever waits for a client's first bytes waits for ever where the server is the one to speak first.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import replace
from typing import Final

from envoy_data_plane.envoy.config.listener.v3 import FilterChain

from translators.listener.address import EVERY_ADDRESS
from translators.listener.connection_manager import inbound_http
from translators.listener.mutual_tls import Way, ways_in, workload_socket
from translators.listener.tcp import cluster_chain
from translators.names import INBOUND_PASSTHROUGH_CLUSTER, VIRTUAL_INBOUND
from translators.route.inbound import passthrough_route
from translators.tls import mesh_secrets
from xds.model.peer_authentication import MutualTLSMode, PeerModes
from xds.model.services import Protocol
from xds.model.settings import MeshSettings
from xds.model.view import ProxyView
from xds.pipeline.contribution import Direction, FilterChainPart, Side
from xds.wire.encode import encode

_UNDECLARED: Final = 0
"""The port that a filter for chosen ports would have to name: those for all ports are for these as well."""

_HTTP_CHAIN: Final = f"{VIRTUAL_INBOUND}-catchall-http"


def tells_requests(view: ProxyView) -> bool:
    """Whether requests on these ports have to be known as such."""
    return any(rule.needs_request for policy in view.authorization for rule in policy.rules)


def undeclared_chains(
    declared: Container[int], settings: MeshSettings, modes: PeerModes | None, *, requests: bool
) -> Iterator[FilterChainPart]:
    """All but `passthrough`. The listener's default chain would take what a port's own ones refuse."""
    protocol = Protocol.UNSUPPORTED if requests else Protocol.TCP
    if modes is None:
        ways = ways_in(MutualTLSMode.DISABLE, protocol, None) if requests else ()
        yield from (_http(way, settings) for way in ways if way.http)
        return
    named = ((mode, port) for port, mode in modes.ports if port not in declared)
    for mode, port in (*named, (modes.default, None)):
        for way in ways_in(mode, protocol, port):
            yield _http(way, settings) if way.http else _tcp(way, settings)


def passthrough(settings: MeshSettings) -> FilterChainPart:
    """For everything else, where the proxy has no identity."""
    return _tcp(Way(None, http=False), settings)


def _http(way: Way, settings: MeshSettings) -> FilterChainPart:
    socket = workload_socket(settings) if way.encrypted else None
    body = FilterChain(name=_HTTP_CHAIN, filter_chain_match=way.match, transport_socket=socket)
    route = passthrough_route(settings.inbound_retries)
    http = inbound_http(EVERY_ADDRESS, _UNDECLARED, route, settings, mtls=way.encrypted)
    return FilterChainPart(encode(body), http, secrets=_secrets(way, settings))


def _tcp(way: Way, settings: MeshSettings) -> FilterChainPart:
    socket = workload_socket(settings) if way.encrypted else None
    chain = cluster_chain(INBOUND_PASSTHROUGH_CLUSTER, settings, VIRTUAL_INBOUND, way.match, socket=socket)
    return replace(chain, secrets=_secrets(way, settings), side=Side(Direction.INBOUND, _UNDECLARED))


def _secrets(way: Way, settings: MeshSettings) -> tuple[str, ...]:
    return mesh_secrets(settings.mesh_mtls) if way.encrypted else ()
