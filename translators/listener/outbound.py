"""The outbound listeners of a captured sidecar, and those that a Sidecar object declares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from envoy_data_plane.envoy.config.core.v3 import TrafficDirection
from envoy_data_plane.envoy.config.listener.v3 import FilterChain, FilterChainMatch, Listener, ListenerFilter

from translators.listener.address import EVERY_ADDRESS, LOOPBACK, bound_address, is_unix_socket, on_ipv6, socket_address
from translators.listener.connection_manager import outbound_http
from translators.listener.plan import Planned, plan_listener, plan_listeners, plan_pods
from translators.listener.sniffing import http_inspector, plain_http, tls_inspector
from translators.listener.tcp import TcpChain, Wanted, cluster_chain, service_chains
from translators.names import (
    BLACK_HOLE_CLUSTER,
    PASSTHROUGH_CHAIN,
    PASSTHROUGH_CLUSTER,
    VIRTUAL_OUTBOUND,
    outbound_listener,
)
from translators.route.client import ClientRules, client_rules, index_services
from translators.route.destination import egress_proxy_cluster
from xds.model.gateways import OutboundTrafficMode, Port
from xds.model.proxy import CaptureMode
from xds.model.routing import MESH_GATEWAY
from xds.model.settings import MeshSettings
from xds.model.view import EgressListener, ProxyView, VisibleService
from xds.pipeline.contribution import Direction, FilterChainPart, ListenerPart, Side
from xds.pipeline.memo import Memo
from xds.wire.encode import encode
from xds.wire.splice import field


def outbound_listeners(view: ProxyView, memo: Memo) -> Iterator[ListenerPart]:
    """Those of every egress listener; of two with the same address the first holds."""
    names: set[str] = set()
    if view.key.capture is CaptureMode.REDIRECT:
        yield memo(virtual_outbound, unknown_destination(view), view.settings)
    for listener in view.egress:
        for part in _listeners(view, listener, memo):
            if part.name not in names:
                names.add(part.name)
                yield part


def unknown_destination(view: ProxyView) -> str:
    """The cluster for connections that no service is known for. Only requests say a name that DNS may know."""
    if view.outbound_traffic_policy is OutboundTrafficMode.REGISTRY_ONLY:
        return BLACK_HOLE_CLUSTER
    return egress_proxy_cluster(view) or PASSTHROUGH_CLUSTER


def virtual_outbound(fallback: str, settings: MeshSettings) -> ListenerPart:
    """Where redirected connections arrive; from here they go to the listener of the address that was dialled.

    A connection to this very port would come back for ever.
    """
    body = Listener(
        name=VIRTUAL_OUTBOUND,
        address=socket_address(EVERY_ADDRESS, settings.listen_port),
        use_original_dst=True,
        traffic_direction=TrafficDirection.OUTBOUND,
    )
    loop = FilterChainMatch(destination_port=settings.listen_port)
    return ListenerPart(
        name=VIRTUAL_OUTBOUND,
        body=encode(body),
        filter_chains=(cluster_chain(BLACK_HOLE_CLUSTER, settings, "virtualOutbound-blackhole", loop),),
        default_filter_chain=cluster_chain(fallback, settings, "virtualOutbound-catchall-tcp"),
        on_ipv6=on_ipv6(EVERY_ADDRESS, settings.listen_port),
    )


def _listeners(view: ProxyView, listener: EgressListener, memo: Memo) -> Iterator[ListenerPart]:
    if listener.port is not None:
        yield _declared(view, listener, listener.port, memo)
    elif view.key.capture is CaptureMode.REDIRECT:
        yield from memo(_catch_all, view.without_endpoints, listener, memo)
        yield from _captured(view, listener, plan_pods(listener.services, view.endpoints, memo), memo)


def _catch_all(view: ProxyView, listener: EgressListener, memo: Memo) -> tuple[ListenerPart, ...]:
    return tuple(_captured(view, listener, memo(plan_listeners, listener.services), memo))


def _captured(
    view: ProxyView, listener: EgressListener, planned: Iterable[Planned], memo: Memo
) -> Iterator[ListenerPart]:
    """All that are ``planned`` but those on ports that a Sidecar has a listener of its own for."""
    named = {listener.port.number for listener in view.egress if listener.port is not None}
    return (_listener(view, listener, each, True, memo) for each in planned if each.number not in named)


def _declared(view: ProxyView, listener: EgressListener, port: Port, memo: Memo) -> ListenerPart:
    """Nothing redirects a connection to a Unix socket."""
    captured = view.key.capture is CaptureMode.REDIRECT and listener.captured and not is_unix_socket(listener.bind)
    address = listener.bind or (EVERY_ADDRESS if captured else view.key.bind_ip or LOOPBACK)
    planned = memo(plan_listener, listener.services, address, port.number, port.protocol)
    return _listener(view, listener, planned, captured, memo)


def _listener(view: ProxyView, listener: EgressListener, planned: Planned, captured: bool, memo: Memo) -> ListenerPart:
    settings = view.settings
    chains = (
        memo(service_chains, visible, port, planned.address, settings, _rules(view, listener, visible, memo))
        for visible, port in planned.tcp
    )
    fallback = unknown_destination(view) if captured and planned.address == EVERY_ADDRESS else ""
    return memo(
        build_listener, planned.address, planned.number, planned.route, not captured, fallback, settings, *chains
    )


def _rules(view: ProxyView, listener: EgressListener, visible: VisibleService, memo: Memo) -> ClientRules | None:
    virtual_service = listener.routed.find(visible.service.hostname)
    if virtual_service is None or not (virtual_service.tls or virtual_service.tcp):
        return None
    index = memo(index_services, listener.targets, view.settings.retries)
    return client_rules(virtual_service, MESH_GATEWAY, view.key, index, memo)


def build_listener(
    address: str,
    number: int,
    route: str,
    bind_to_port: bool,
    fallback: str,
    settings: MeshSettings,
    *services: tuple[TcpChain, ...],
) -> ListenerPart:
    """A listener for HTTP, if there is a ``route``, and for the TCP chains of ``services``.

    fallback: the cluster for what no chain is for, if any. Of two chains for the same connections the first holds.
    """
    chains: dict[Wanted, FilterChainPart] = {}
    for chain in (chain for group in services for chain in group):
        chains.setdefault(chain.wanted, chain.part)
    rest = chains.pop(Wanted(), None) or (cluster_chain(fallback, settings, PASSTHROUGH_CHAIN) if fallback else None)
    by_server_name = any(wanted.server_name for wanted in chains)
    sniffed = bool(route and (rest or chains))
    tcp = tuple(
        part for wanted, chain in chains.items() for part in (_beside_http(wanted, chain) if sniffed else (chain,))
    )
    name = outbound_listener(number, address)
    http = (_http_chain(address, number, route, sniffed, settings),) if route else ()
    body = Listener(
        name=name,
        address=bound_address(address, number),
        bind_to_port=None if bind_to_port else False,
        traffic_direction=TrafficDirection.OUTBOUND,
        listener_filters=_inspectors(sniffed, by_server_name),
        listener_filters_timeout=settings.protocol_detection_timeout if sniffed or by_server_name else None,
        continue_on_listener_filters_timeout=sniffed or by_server_name,
    )
    return ListenerPart(
        name=name,
        body=encode(body),
        filter_chains=(*http, *tcp) or ((rest,) if rest else ()),
        default_filter_chain=rest if http or tcp else None,
        routes=(route,) if route else (),
        side=Side(Direction.OUTBOUND, number),
        on_ipv6=on_ipv6(address, number),
    )


def _beside_http(wanted: Wanted, chain: FilterChainPart) -> tuple[FilterChainPart, ...]:
    """A chain in a listener that has one for plain-text HTTP too.

    Envoy decides by transport before it looks at where a connection comes from, and does not come back: a condition on
    the source alone would never be asked for plain-text connections that are not HTTP.
    """
    if not wanted.source or wanted.server_name:
        return (chain,)
    plain = field(1, encode(FilterChainMatch(transport_protocol="raw_buffer")))
    return (FilterChainPart(chain.body + plain, chain.http), chain)


def _http_chain(address: str, number: int, route: str, sniffed: bool, settings: MeshSettings) -> FilterChainPart:
    match = plain_http() if sniffed else None
    body = FilterChain(name=outbound_listener(number, address), filter_chain_match=match)
    return FilterChainPart(encode(body), outbound_http(address, number, route, settings))


def _inspectors(http: bool, server_name: bool) -> list[ListenerFilter]:
    inspectors = [tls_inspector()] if http or server_name else []
    return [*inspectors, http_inspector()] if http else inspectors
