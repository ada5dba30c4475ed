"""The inbound listeners of a sidecar: the virtual one for captured traffic, and those that a Sidecar binds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from envoy_data_plane.envoy.config.core.v3 import TrafficDirection, TransportSocket
from envoy_data_plane.envoy.config.listener.v3 import FilterChain, FilterChainMatch, Listener

from translators.cluster.inbound import inbound_pool
from translators.listener.address import EVERY_ADDRESS, on_ipv6, socket_address
from translators.listener.connection_manager import inbound_http
from translators.listener.inspectors import Inspectors
from translators.listener.mutual_tls import Way, ways_in, workload_socket
from translators.listener.server_tls import server_context, server_socket
from translators.listener.tcp import cluster_chain
from translators.listener.undeclared import passthrough, tells_requests, undeclared_chains
from translators.names import (
    BLACK_HOLE_CLUSTER,
    VIRTUAL_INBOUND,
    inbound_cluster,
    outbound_listener,
)
from translators.route.inbound import inbound_route
from translators.tls import mesh_secrets
from xds.model.objects import ObjectKey
from xds.model.peer_authentication import MutualTLSMode, PeerModes
from xds.model.proxy import CaptureMode
from xds.model.settings import MeshSettings
from xds.model.view import InboundListener, ProxyView
from xds.pipeline.contribution import Direction, FilterChainPart, ListenerPart, Side
from xds.pipeline.memo import Memo
from xds.resources import NO_SOURCES, PartSources, Source
from xds.wire.encode import encode


def inbound_listeners(view: ProxyView, memo: Memo) -> Iterator[ListenerPart]:
    """The virtual listener in capture mode REDIRECT, and one for each port with a bind address."""
    settings, modes = view.settings, view.mtls
    if view.key.capture is CaptureMode.REDIRECT:
        yield memo(virtual_inbound, view.inbound, settings, modes, tells_requests(view))
    names: set[str] = set()
    for listener in view.inbound:
        if listener.bind:
            part = memo(bound_listener, listener, settings, modes)
            if part.name not in names:
                names.add(part.name)
                yield part


def virtual_inbound(
    listeners: tuple[InboundListener, ...],
    settings: MeshSettings,
    modes: PeerModes | None = None,
    requests: bool = False,
) -> ListenerPart:
    """One listener for all captured ports; other ports are handed through to the workload.

    A connection to this very port would come back for ever. modes: None if the proxy has no identity. requests: whether
    they are to be known as such on ports that no service declares.
    """
    captured = {listener.target_port: listener for listener in reversed(listeners) if not listener.bind}
    ports = sorted(captured)
    protocols = {port: captured[port].service_port.protocol for port in ports}
    inspectors = Inspectors.of(protocols, modes, requests=requests)
    loop = FilterChainMatch(destination_port=settings.inbound_listen_port)
    chains = (chain for port in ports for chain in port_chains(captured[port], port, settings, modes))
    undeclared = undeclared_chains(captured.keys(), settings, modes, requests=requests)
    header = Listener(
        name=VIRTUAL_INBOUND,
        address=socket_address(EVERY_ADDRESS, settings.inbound_listen_port),
        traffic_direction=TrafficDirection.INBOUND,
        listener_filters=inspectors.behind_redirection(),
        listener_filters_timeout=settings.protocol_detection_timeout if inspectors else None,
        continue_on_listener_filters_timeout=bool(inspectors),
    )
    return ListenerPart(
        name=VIRTUAL_INBOUND,
        body=encode(header),
        filter_chains=(
            cluster_chain(BLACK_HOLE_CLUSTER, settings, "virtualInbound-blackhole", loop),
            *chains,
            *undeclared,
        ),
        default_filter_chain=passthrough(settings) if modes is None else None,
        origins=tuple(dict.fromkeys(origin for port in ports for origin in _sidecars(captured[port]))),
        on_ipv6=on_ipv6(EVERY_ADDRESS, settings.inbound_listen_port),
    )


def bound_listener(listener: InboundListener, settings: MeshSettings, modes: PeerModes | None = None) -> ListenerPart:
    """A listener of a Sidecar's ingress on its own address."""
    name = outbound_listener(listener.target_port, listener.bind)
    inspectors = Inspectors.of_one(listener.service_port.protocol, _mode(listener, modes))
    body = Listener(
        name=name,
        address=socket_address(listener.bind, listener.target_port),
        traffic_direction=TrafficDirection.INBOUND,
        listener_filters=inspectors.alone(),
        listener_filters_timeout=settings.protocol_detection_timeout if inspectors else None,
        continue_on_listener_filters_timeout=bool(inspectors),
    )
    chains = tuple(port_chains(listener, None, settings, modes))
    also = on_ipv6(listener.bind, listener.target_port)
    return ListenerPart(name, encode(body), chains, origins=_sidecars(listener), on_ipv6=also)


def _sidecars(listener: InboundListener) -> tuple[ObjectKey, ...]:
    """The Sidecar that declares the listener, if one does."""
    return (listener.declared[0],) if listener.declared is not None else ()


def _sources(listener: InboundListener) -> PartSources:
    """Who asks for a chain: the ingress listener, or else the service."""
    if listener.declared is not None:
        sidecar, number = listener.declared
        return PartSources.of_rules(Source(sidecar, ("spec", "ingress", number)))
    return PartSources((listener.service.meta.key,)) if listener.service is not None else NO_SOURCES


def port_chains(
    listener: InboundListener, destination_port: int | None, settings: MeshSettings, modes: PeerModes | None = None
) -> Iterator[FilterChainPart]:
    """The chains of one port: for HTTP, TCP, or both if the protocol is unknown, in each way that is open.

    destination_port: what to match, None if the listener has no other ports.
    """
    for way in ways_in(_mode(listener, modes), listener.service_port.protocol, destination_port):
        yield _http_chain(listener, way, settings) if way.http else _tcp_chain(listener, way, settings)


def _mode(listener: InboundListener, modes: PeerModes | None) -> MutualTLSMode:
    """TLS that the Sidecar asks for takes the place of the mesh's, unless that is to be all there is."""
    mode = modes.at(listener.target_port) if modes is not None else MutualTLSMode.DISABLE
    return mode if listener.tls is None or mode is MutualTLSMode.STRICT else MutualTLSMode.DISABLE


def _socket(listener: InboundListener, way: Way, settings: MeshSettings) -> TransportSocket | None:
    """The end of the mesh's TLS, or of that which the Sidecar asks for. The files of the latter are the proxy's own."""
    if way.encrypted:
        return workload_socket(settings)
    if listener.tls is None:
        return None
    return server_socket(server_context(listener.tls, (), is_http=listener.service_port.protocol.is_http))


def _http_chain(listener: InboundListener, way: Way, settings: MeshSettings) -> FilterChainPart:
    socket = _socket(listener, way, settings)
    body = FilterChain(name=_name(listener), filter_chain_match=way.match, transport_socket=socket)
    address = listener.bind or EVERY_ADDRESS
    route = inbound_route(listener, settings.inbound_retries)
    http = inbound_http(address, listener.target_port, route, settings, mtls=way.encrypted)
    secrets = mesh_secrets(settings.mesh_mtls) if way.encrypted else ()
    return FilterChainPart(encode(body), http, _sources(listener), secrets)


def _tcp_chain(listener: InboundListener, way: Way, settings: MeshSettings) -> FilterChainPart:
    pool = inbound_pool(listener, settings)
    idle_timeout = pool.tcp.idle_timeout if pool is not None and pool.tcp is not None else None
    socket = _socket(listener, way, settings)
    cluster = inbound_cluster(listener.target_port)
    chain = _forwarding(cluster, _name(listener), way, socket, settings, idle_timeout)
    return replace(chain, sources=_sources(listener), side=Side(Direction.INBOUND, listener.target_port))


def _forwarding(
    cluster: str,
    name: str,
    way: Way,
    socket: TransportSocket | None,
    settings: MeshSettings,
    idle_timeout: timedelta | None = None,
) -> FilterChainPart:
    chain = cluster_chain(cluster, settings, name, way.match, idle_timeout, socket)
    return replace(chain, secrets=mesh_secrets(settings.mesh_mtls)) if way.encrypted else chain


def _name(listener: InboundListener) -> str:
    return outbound_listener(listener.target_port, listener.bind or EVERY_ADDRESS)
