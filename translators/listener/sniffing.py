"""Finding out what a connection speaks before a filter chain is chosen."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from envoy_data_plane.envoy.config.listener.v3 import (
    FilterChainMatch,
    ListenerFilter,
    ListenerFilterChainMatchPredicate,
    ListenerFilterChainMatchPredicateMatchSet,
)
from envoy_data_plane.envoy.extensions.filters.listener.http_inspector.v3 import HttpInspector
from envoy_data_plane.envoy.extensions.filters.listener.original_dst.v3 import OriginalDst
from envoy_data_plane.envoy.extensions.filters.listener.tls_inspector.v3 import TlsInspector
from envoy_data_plane.envoy.type.v3 import Int32Range

from xds.model.services import Protocol
from xds.wire.encode import pack_any

PLAIN_HTTP = ("http/1.0", "http/1.1", "h2c")
"""What the HTTP inspector reports for plain-text HTTP."""

SERVER_FIRST = frozenset({Protocol.MYSQL, Protocol.MONGO})
"""Here the client waits for the server's greeting: whoever waits for the client's first bytes waits for ever."""


def plain_http(destination_port: int | None = None) -> FilterChainMatch:
    """Matches plain-text HTTP, once the inspectors have seen it."""
    return FilterChainMatch(
        destination_port=destination_port, transport_protocol="raw_buffer", application_protocols=list(PLAIN_HTTP)
    )


def original_destination() -> ListenerFilter:
    """Recovers the address that the client dialled before its connection was redirected."""
    return ListenerFilter(name="envoy.filters.listener.original_dst", typed_config=pack_any(OriginalDst()))


def tls_inspector(only_ports: Iterable[int] = (), except_ports: Iterable[int] = ()) -> ListenerFilter:
    """Sees TLS, its server name, and what the client says that it speaks. only_ports, except_ports: destination ports
    where it looks, and where it does not; at most one of them is given."""
    return ListenerFilter(
        name="envoy.filters.listener.tls_inspector",
        typed_config=pack_any(TlsInspector()),
        filter_disabled=_disabled(tuple(only_ports), tuple(except_ports)),
    )


def http_inspector(only_ports: Iterable[int] = (), except_ports: Iterable[int] = ()) -> ListenerFilter:
    """Sees plain-text HTTP. The ports are as for `tls_inspector`; where it looks a client may have to wait."""
    return ListenerFilter(
        name="envoy.filters.listener.http_inspector",
        typed_config=pack_any(HttpInspector()),
        filter_disabled=_disabled(tuple(only_ports), tuple(except_ports)),
    )


def _disabled(only: tuple[int, ...], other: tuple[int, ...]) -> ListenerFilterChainMatchPredicate | None:
    return _other_than(only) if only else _any_of(other) if other else None


def _other_than(ports: tuple[int, ...]) -> ListenerFilterChainMatchPredicate:
    return ListenerFilterChainMatchPredicate(not_match=_any_of(ports))


def _any_of(ports: tuple[int, ...]) -> ListenerFilterChainMatchPredicate:
    return reduce(_either, map(_port, ports))


def _port(port: int) -> ListenerFilterChainMatchPredicate:
    return ListenerFilterChainMatchPredicate(destination_port_range=Int32Range(start=port, end=port + 1))


def _either(
    a: ListenerFilterChainMatchPredicate, b: ListenerFilterChainMatchPredicate
) -> ListenerFilterChainMatchPredicate:
    return ListenerFilterChainMatchPredicate(or_match=ListenerFilterChainMatchPredicateMatchSet(rules=[a, b]))
