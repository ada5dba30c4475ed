"""What holds for all listeners of a proxy alike: limits, logs, and the PROXY header in front of a gateway.

Encoded messages concatenate: fields of a listener are appended to it, and what has to be the first of a list, be it a
listener filter or a network filter, is put in front of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from envoy_data_plane.envoy.config.listener.v3 import Filter, FilterChain, Listener, ListenerFilter
from envoy_data_plane.envoy.extensions.filters.listener.proxy_protocol.v3 import ProxyProtocol
from envoy_data_plane.envoy.extensions.filters.network.connection_limit.v3 import ConnectionLimit

from translators.listener.access_log import listener_logs
from xds.model.proxy import ProxyType
from xds.model.settings import MeshSettings
from xds.model.view import ProxyView
from xds.pipeline.contribution import FilterChainPart, ListenerPart
from xds.pipeline.memo import Memo
from xds.wire.encode import encode, pack_any


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """Encoded fields in front of and behind those of a listener, and the number of connections of a filter chain."""

    before: bytes
    after: bytes
    connections: int | None


def limited(parts: Iterable[ListenerPart], view: ProxyView, memo: Memo) -> Iterator[ListenerPart]:
    """``parts`` with what the proxy's configuration says of all of them, which is usually nothing."""
    limits = memo(_limits, view.settings, view.key.type is ProxyType.ROUTER)
    return iter(parts) if limits is None else (memo(_limited, part, limits) for part in parts)


def _limits(settings: MeshSettings, gateway: bool) -> Limits | None:
    connections = settings.proxy.connections.of_gateway if gateway else settings.proxy.connections
    announced = settings.proxy.proxy_protocol and gateway
    buffer = connections.listener_buffer
    limits = Limits(
        before=encode(Listener(listener_filters=[_proxy_protocol()])) if announced else b"",
        after=encode(Listener(per_connection_buffer_limit_bytes=buffer, access_log=listener_logs(settings))),
        connections=connections.listener_connections,
    )
    return limits if limits.before or limits.after or limits.connections else None


def _limited(part: ListenerPart, limits: Limits) -> ListenerPart:
    default = part.default_filter_chain
    return replace(
        part,
        body=limits.before + part.body + limits.after,
        filter_chains=tuple(_with_limit(chain, part.name, limits) for chain in part.filter_chains),
        default_filter_chain=_with_limit(default, part.name, limits) if default is not None else None,
    )


def _with_limit(chain: FilterChainPart, listener: str, limits: Limits) -> FilterChainPart:
    if limits.connections is None:
        return chain
    config = ConnectionLimit(stat_prefix=listener, max_connections=limits.connections)
    first = Filter(name="envoy.filters.network.connection_limit", typed_config=pack_any(config))
    return replace(chain, body=encode(FilterChain(filters=[first])) + chain.body)


def _proxy_protocol() -> ListenerFilter:
    """Every connection has to begin with the header, of either version."""
    return ListenerFilter(name="envoy.filters.listener.proxy_protocol", typed_config=pack_any(ProxyProtocol()))
