"""A service that proxies tell of requests and connections: Envoy's protocol for it, and OpenTelemetry's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
from envoy_data_plane.envoy.data.accesslog.v3 import HttpAccessLogEntry, TcpAccessLogEntry
from envoy_data_plane.envoy.service.accesslog.v3 import StreamAccessLogsMessage
from grpc.aio import ServicerContext  # type: ignore[import-untyped]  # grpcio ships no types


@dataclass
class Collector:
    """What has been told. exported: OpenTelemetry's messages as they came. logs: names of Envoy's logs."""

    http: list[HttpAccessLogEntry] = field(default_factory=list)
    tcp: list[TcpAccessLogEntry] = field(default_factory=list)
    exported: list[bytes] = field(default_factory=list)
    logs: set[str] = field(default_factory=set)

    async def stream(self, messages: AsyncIterator[bytes], _context: ServicerContext) -> bytes:
        """Envoy tells for as long as it runs."""
        async for message in messages:
            told = StreamAccessLogsMessage.parse(message)
            if told.identifier is not None:
                self.logs.add(told.identifier.log_name)
            self.http += told.http_logs.log_entry if told.http_logs is not None else []
            self.tcp += told.tcp_logs.log_entry if told.tcp_logs is not None else []
        return b""

    async def export(self, message: bytes, _context: ServicerContext) -> bytes:
        self.exported.append(message)
        return b""


@asynccontextmanager
async def running_collector(address: str, port: int) -> AsyncIterator[Collector]:
    """A collector that listens while the context is open."""
    collector = Collector()
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(
                "envoy.service.accesslog.v3.AccessLogService",
                {"StreamAccessLogs": grpc.stream_unary_rpc_method_handler(collector.stream)},
            ),
            grpc.method_handlers_generic_handler(
                "opentelemetry.proto.collector.logs.v1.LogsService",
                {"Export": grpc.unary_unary_rpc_method_handler(collector.export)},
            ),
        )
    )
    server.add_insecure_port(f"{address}:{port}")
    await server.start()
    try:
        yield collector
    finally:
        await server.stop(None)
