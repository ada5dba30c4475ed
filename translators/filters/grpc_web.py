"""gRPC-Web: calls of browsers, translated to gRPC on ports that say that they take them."""

from __future__ import annotations

from collections.abc import Iterable

from envoy_data_plane.envoy.extensions.filters.http.grpc_web.v3 import GrpcWeb
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter

from xds.model.services import Protocol
from xds.model.view import ProxyView
from xds.pipeline.contribution import Contribution, Direction, HttpFilterPart, Phase
from xds.pipeline.memo import Memo
from xds.wire.encode import encode, pack_any

NAME = "envoy.filters.http.grpc_web"


def translate(view: ProxyView, memo: Memo) -> Iterable[Contribution]:
    """The filter on every port of the protocol GRPC-Web, on whichever side of the proxy it is."""
    return memo(_contributions, view.without_endpoints)


def _contributions(view: ProxyView) -> tuple[Contribution, ...]:
    ports = {
        Direction.OUTBOUND: frozenset(
            port.number
            for listener in view.egress
            for visible in listener.services
            for port in visible.service.ports
            if port.protocol is Protocol.GRPC_WEB
        ),
        Direction.INBOUND: frozenset(
            listener.target_port for listener in view.inbound if listener.service_port.protocol is Protocol.GRPC_WEB
        ),
        Direction.GATEWAY: frozenset(
            port.number
            for port in view.gateway
            if any(entry.server.port.protocol is Protocol.GRPC_WEB for entry in port.servers)
        ),
    }
    return tuple(_filter(direction, found) for direction, found in ports.items() if found)


def _filter(direction: Direction, ports: frozenset[int]) -> HttpFilterPart:
    body = encode(HttpFilter(name=NAME, typed_config=pack_any(GrpcWeb())))
    return HttpFilterPart(phase=Phase.EXTENSION, body=body, directions=frozenset({direction}), ports=ports)
