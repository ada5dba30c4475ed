"""The inbound listeners of a sidecar: the virtual one for captured traffic, and those that a Sidecar binds."""

from __future__ import annotations

from collections.abc import Iterator

from envoy_data_plane.envoy.config.core.v3 import TrafficDirection, TransportSocket
from envoy_data_plane.envoy.config.listener.v3 import FilterChain, FilterChainMatch, Listener, ListenerFilter

from translators.cluster.inbound import inbound_pool
from translators.listener.address import EVERY_ADDRESS, socket_address
from translators.listener.connection_manager import inbound_http
from translators.listener.server_tls import server_context, server_socket
from translators.listener.sniffing import http_inspector, original_destination, plain_http
from translators.listener.tcp import cluster_chain
from translators.names import (
    BLACK_HOLE_CLUSTER,
    INBOUND_PASSTHROUGH_CLUSTER,
    VIRTUAL_INBOUND,
    inbound_cluster,
    outbound_listener,
)
from translators.route.inbound import inbound_route
from xds.model.objects import ObjectKey
from xds.model.proxy import CaptureMode
from xds.model.services import Protocol
from xds.model.settings import MeshSettings
from xds.model.view import InboundListener, ProxyView
from xds.pipeline.contribution import FilterChainPart, ListenerPart
from xds.pipeline.memo import Memo
from xds.resources import NO_SOURCES, PartSources, Source
from xds.wire.encode import encode


def inbound_listeners(view: ProxyView, memo: Memo) -> Iterator[ListenerPart]:
    """The virtual listener in capture mode REDIRECT, and one for each port with a bind address."""
    settings = view.settings
    if view.key.capture is CaptureMode.REDIRECT:
        yield memo(virtual_inbound, view.inbound, settings)
    names: set[str] = set()
    for listener in view.inbound:
        if listener.bind:
            part = memo(bound_listener, listener, settings)
            if part.name not in names:
                names.add(part.name)
                yield part


def virtual_inbound(listeners: tuple[InboundListener, ...], settings: MeshSettings) -> ListenerPart:
    """One listener for all captured ports; other ports are handed through to the workload.

    A connection to this very port would come back for ever.
    """
    captured = {listener.target_port: listener for listener in reversed(listeners) if not listener.bind}
    ports = sorted(captured)
    sniffed = [port for port in ports if _is_sniffed(captured[port])]
    loop = FilterChainMatch(destination_port=settings.inbound_listen_port)
    chains = (chain for port in ports for chain in port_chains(captured[port], port, settings))
    return ListenerPart(
        name=VIRTUAL_INBOUND,
        body=encode(
            Listener(
                name=VIRTUAL_INBOUND,
                address=socket_address(EVERY_ADDRESS, settings.inbound_listen_port),
                traffic_direction=TrafficDirection.INBOUND,
                listener_filters=[original_destination(), *_inspectors(sniffed)],
                listener_filters_timeout=settings.protocol_detection_timeout if sniffed else None,
                continue_on_listener_filters_timeout=bool(sniffed),
            )
        ),
        filter_chains=(cluster_chain(BLACK_HOLE_CLUSTER, settings, "virtualInbound-blackhole", loop), *chains),
        default_filter_chain=cluster_chain(INBOUND_PASSTHROUGH_CLUSTER, settings, VIRTUAL_INBOUND),
        origins=tuple(dict.fromkeys(origin for port in ports for origin in _sidecars(captured[port]))),
    )


def bound_listener(listener: InboundListener, settings: MeshSettings) -> ListenerPart:
    """A listener of a Sidecar's ingress on its own address."""
    name = outbound_listener(listener.target_port, listener.bind)
    sniffed = _is_sniffed(listener)
    body = Listener(
        name=name,
        address=socket_address(listener.bind, listener.target_port),
        traffic_direction=TrafficDirection.INBOUND,
        listener_filters=[http_inspector()] if sniffed else [],
        listener_filters_timeout=settings.protocol_detection_timeout if sniffed else None,
        continue_on_listener_filters_timeout=sniffed,
    )
    chains = tuple(port_chains(listener, None, settings))
    return ListenerPart(name, encode(body), chains, origins=_sidecars(listener))


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
    listener: InboundListener, destination_port: int | None, settings: MeshSettings
) -> Iterator[FilterChainPart]:
    """The chains of one port: HTTP, TCP, or both if the protocol is unknown.

    destination_port: what to match, None if the listener has no other ports.
    """
    protocol = listener.service_port.protocol
    by_port = FilterChainMatch(destination_port=destination_port) if destination_port is not None else None
    if protocol.is_http:
        yield _http_chain(listener, by_port, settings)
        return
    if _is_sniffed(listener):
        yield _http_chain(listener, plain_http(destination_port), settings)
    pool = inbound_pool(listener, settings)
    idle_timeout = pool.tcp.idle_timeout if pool is not None and pool.tcp is not None else None
    chain = cluster_chain(inbound_cluster(listener.target_port), settings, _name(listener), by_port, idle_timeout)
    body = chain.body + encode(FilterChain(transport_socket=_tls(listener)))
    yield FilterChainPart(body, sources=_sources(listener))


def _tls(listener: InboundListener) -> TransportSocket | None:
    """The end of the TLS that the Sidecar asks for. Its files are the proxy's own."""
    if listener.tls is None:
        return None
    return server_socket(server_context(listener.tls, (), is_http=listener.service_port.protocol.is_http))


def _http_chain(listener: InboundListener, match: FilterChainMatch | None, settings: MeshSettings) -> FilterChainPart:
    body = FilterChain(name=_name(listener), filter_chain_match=match, transport_socket=_tls(listener))
    address = listener.bind or EVERY_ADDRESS
    route = inbound_route(listener, settings.inbound_retries)
    http = inbound_http(address, listener.target_port, route, settings)
    return FilterChainPart(encode(body), http, _sources(listener))


def _name(listener: InboundListener) -> str:
    return outbound_listener(listener.target_port, listener.bind or EVERY_ADDRESS)


def _is_sniffed(listener: InboundListener) -> bool:
    return listener.service_port.protocol is Protocol.UNSUPPORTED


def _inspectors(sniffed: list[int]) -> list[ListenerFilter]:
    """Only where needed: on other ports a server may be the one to speak first."""
    return [http_inspector(sniffed)] if sniffed else []
