"""What a proxy's configuration says of the headers that routes add (Istio ``ProxyHeaders``).

Encoded messages concatenate, and of a field that comes twice the last one counts. Field numbers are Envoy's:
VirtualHost.include_request_attempt_count 14, Route.route 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Final

from envoy_data_plane.envoy.config.route.v3 import RouteAction

from xds.model.proxy_settings import ProxyHeaders
from xds.pipeline.contribution import RoutePart, VirtualHostPart, VirtualHosts
from xds.pipeline.memo import Memo
from xds.wire.encode import encode
from xds.wire.scalars import VARINT, tag, varint
from xds.wire.scan import scan
from xds.wire.splice import field

_FORWARDS: Final = 2
_NO_ATTEMPT_COUNT: Final = b"\x70\x00"


def with_proxy_headers(every: Iterable[VirtualHosts], headers: ProxyHeaders, memo: Memo) -> Iterator[VirtualHosts]:
    """RouteConfigurations as the proxy's configuration wants them, which is usually as they are."""
    if headers.attempt_count and not headers.x_forwarded_host:
        return iter(every)
    return (memo(_configuration, hosts, headers.attempt_count, headers.x_forwarded_host, memo) for hosts in every)


def _configuration(hosts: VirtualHosts, counted: bool, forwarded: bool, memo: Memo) -> VirtualHosts:
    return replace(hosts, groups=tuple(memo(_group, group, counted, forwarded, memo) for group in hosts.groups))


def _group(
    group: tuple[VirtualHostPart, ...], counted: bool, forwarded: bool, memo: Memo
) -> tuple[VirtualHostPart, ...]:
    return tuple(memo(_host, host, counted, forwarded) for host in group)


def _host(host: VirtualHostPart, counted: bool, forwarded: bool) -> VirtualHostPart:
    header = host.header if counted else host.header + _NO_ATTEMPT_COUNT
    routes = tuple(map(_forwarded, host.routes)) if forwarded else host.routes
    return replace(host, header=header, routes=routes)


def _forwarded(route: RoutePart) -> RoutePart:
    """Only a route that forwards can tell the host that it rewrites.

    Its action is extended where it stands: not every reader puts an action together that comes in two pieces.
    """
    pieces = (_extended(number, raw) for number, raw in scan(route.body))
    return replace(route, body=b"".join(pieces))


def _extended(number: int, raw: int | bytes) -> bytes:
    if isinstance(raw, int):
        return tag(number, VARINT) + varint(raw)
    return field(number, raw + _original_host() if number == _FORWARDS else raw)


@lru_cache(maxsize=1)
def _original_host() -> bytes:
    return encode(RouteAction(append_x_forwarded_host=True))
