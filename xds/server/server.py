"""The xDS server: listens, and gives every call to a session of its own."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import count
from typing import NamedTuple

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
from grpc import aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc  # type: ignore[import-untyped]  # grpcio ships no types
from grpc_reflection.v1alpha import reflection  # type: ignore[import-untyped]  # grpcio ships no types

from xds.config.node import parse_node as parse_istio_node
from xds.model.objects import ObjectKey, Origin
from xds.model.proxy import Proxy
from xds.protocol import DECODERS, Doubts, Request, Shared, Stream, Variant
from xds.protocol.stream import PATIENCE
from xds.server import client_status, health_discovery, loads
from xds.server.admission import LARGE_LIMIT, LIMIT, Admission, Place
from xds.server.agent_stream import READINESS_PROBE, AgentStream
from xds.server.client_status import ClientStatusService
from xds.server.exposure import address_of, as_reached
from xds.server.guard import Call, guarded
from xds.server.loads import INTERVAL, LoadBoard, LoadReportingService
from xds.server.node import ParseNode, proxy_of
from xds.server.registrar import Registrar
from xds.server.reports import Locate, Once, Reports
from xds.server.secure import SecureSide, Security, Served
from xds.server.services import METHODS, Method
from xds.server.session import Session
from xds.server.source import SnapshotSource
from xds.server.status import StatusBoard

Handler = Callable[[object, Call], Awaitable[None]]

OPTIONS = (
    ("grpc.so_reuseport", 0),  # so that a port in use is an error, not a second server on it
    ("grpc.max_receive_message_length", 64 << 20),  # initial_resource_versions of a large mesh exceed 4 MiB
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
)


KEEPALIVE = 30.0
"""Seconds after which a client that says nothing is asked whether it is still there."""

_END_INTERVAL = 0.01
"""Seconds between the ends of two streams at a stop, unless there are too many for that."""


class ListenError(OSError):
    """An address cannot be listened on."""


def _nowhere(_: ObjectKey) -> Origin | None:
    return None


class _Introduction(NamedTuple):
    """How a stream begins."""

    request: Request
    proxy: Proxy


def _by_agent(introduced: _Introduction) -> bool:
    """Whether the stream is that of an agent whose workload is to be registered."""
    return introduced.request.type_url == READINESS_PROBE and bool(introduced.proxy.group)


class XdsServer:
    """Serves snapshots over every method of `METHODS`; client status, load reports, health and reflection.

    source: what each proxy should have. board: where the status of streams is kept. loads: what clients report of
    their requests. locate: where an object was written, for the log. patience: seconds to wait for a client's answer
    before going on without it. admission: how many streams may be at their first response at once. max_age: seconds
    after which a connection, and soon after it its streams, is asked to come again, so that clients spread over
    replicas; None: never. load_interval: seconds between two load reports of a client. keepalive: seconds
    after which a connection on which nothing comes is asked for a sign of life; it is closed if there is none within a
    third of that. registrar: of workloads that register themselves; None: they do not. security: what
    it takes to listen on a secure address too.
    """

    def __init__(
        self,
        source: SnapshotSource,
        board: StatusBoard | None = None,
        *,
        locate: Locate = _nowhere,
        parse_node: ParseNode = parse_istio_node,
        patience: float = PATIENCE,
        admission: int = LIMIT,
        max_age: float | None = None,
        load_interval: int = INTERVAL,
        keepalive: float = KEEPALIVE,
        registrar: Registrar | None = None,
        security: Security | None = None,
    ) -> None:
        self.board = board or StatusBoard(time.time)
        self.loads = LoadBoard(time.time)
        self._source = source
        self._reports = Reports(Once(time.monotonic), locate)
        self._secure = SecureSide(security, self._reports) if security is not None else None
        self._parse_node = parse_node
        self._patience = patience
        self._admission = Admission(admission)
        self._turns = Admission(LARGE_LIMIT)
        self._max_age = max_age
        self._load_interval = load_interval
        self._keepalive = keepalive
        self._registrar = registrar
        self._shared = Shared()
        self._doubts = Doubts()
        self._stream_numbers = count(1)
        self._sessions: set[Session | AgentStream] = set()
        self._stopping = False
        self._server: aio.Server | None = None
        self._behind_tls = 0
        self._health = health.aio.HealthServicer()

    async def start(self, listen: str) -> int:
        """Listen on ``host:port``; gives the port, which the system chooses for 0. Raises ListenError."""
        server = aio.server(options=(*OPTIONS, *_keepalive_options(self._keepalive), *_age_options(self._max_age)))
        self._register(server)
        try:
            port = int(server.add_insecure_port(listen))
            if self._secure is not None:
                self._behind_tls = int(server.add_insecure_port("127.0.0.1:0"))
        except RuntimeError as error:
            await server.stop(None)
            raise ListenError(f"cannot listen on {listen}: {error}") from error
        await server.start()
        self._server = server
        await self._health.set("", health_pb2.HealthCheckResponse.SERVING)
        return port

    def start_secure(self, host: str, port: int) -> int:
        """Listen for TLS as well, after `start`; gives the port. Raises OSError; ValueError without security."""
        if self._secure is None or self._server is None:
            raise ValueError("the server has no security, or has not been started")
        return self._secure.start(host, port, self._behind_tls)

    def end_revoked(self) -> None:
        """Ends the connections of clients whose certificates have been revoked since they connected."""
        if self._secure is not None:
            self._secure.end_revoked()

    async def stop(self, grace: float = 1.0) -> None:
        """End all streams, so that the clients look for another server, and stop within ``grace`` seconds.

        Health checks fail first and no connection is accepted any more; then streams end one by one, so that not all
        clients come to the next server at once.
        """
        if self._server is None:
            return
        server, self._server, self._stopping = self._server, None, True
        await self._health.enter_graceful_shutdown()
        stopped = asyncio.ensure_future(server.stop(grace))
        if self._secure is not None:
            self._secure.end_streams()
        sessions = tuple(self._sessions)
        interval = min(_END_INTERVAL, grace / 2 / max(len(sessions), 1))
        for session in sessions:
            session.end()
            await asyncio.sleep(interval)
        await stopped
        if self._secure is not None:
            await self._secure.stop()

    def _register(self, server: aio.Server) -> None:
        methods: dict[str, dict[str, grpc.RpcMethodHandler[bytes, bytes]]] = self._companions()
        for method in METHODS:
            handler = grpc.stream_stream_rpc_method_handler(self._handler(method))
            methods.setdefault(method.service, {})[method.name] = handler
        server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler(service, handlers) for service, handlers in methods.items()]
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection((*methods, health.SERVICE_NAME, reflection.SERVICE_NAME), server)

    def _companions(self) -> dict[str, dict[str, grpc.RpcMethodHandler[bytes, bytes]]]:
        """The services beside discovery, by name and method."""
        status = ClientStatusService(self.board, self._reports)
        reporting = LoadReportingService(self.loads, self._reports, self._parse_node, self._load_interval)
        told: Served[object, None] = status.stream
        asked: Served[bytes, bytes] = status.fetch
        reported: Served[object, None] = reporting.stream
        if self._secure is not None:
            told = self._secure.plain_only("StreamClientStatus", told)
            asked = self._secure.plain_only("FetchClientStatus", asked)
            reported = self._secure.by_identity("StreamLoadStats", reported)
        return {
            client_status.SERVICE: {
                "StreamClientStatus": grpc.stream_stream_rpc_method_handler(told),
                "FetchClientStatus": grpc.unary_unary_rpc_method_handler(asked),
            },
            **(self._secure.handlers() if self._secure is not None else {}),
            loads.SERVICE: {"StreamLoadStats": grpc.stream_stream_rpc_method_handler(reported)},
            health_discovery.SERVICE: {
                "StreamHealthCheck": grpc.stream_stream_rpc_method_handler(health_discovery.refuse),
                "FetchHealthCheck": grpc.unary_unary_rpc_method_handler(health_discovery.refuse),
            },
        }

    def _handler(self, method: Method) -> Handler:
        async def handle(_: object, call: Call) -> None:
            async with guarded(call, method.name, self._reports):
                await self._serve(method, call)
            if self._stopping:
                await call.abort(grpc.StatusCode.UNAVAILABLE, "the server is shutting down")

        return handle

    async def _serve(self, method: Method, call: Call) -> None:
        introduced = await self._introduced(method, call)
        if not introduced:
            return
        if self._registrar is not None and method.variant is Variant.DELTA and _by_agent(introduced[0]):
            await self._serve_agent(AgentStream(call, introduced.pop().proxy, self._registrar))
            return
        place = await self._admission.enter()
        try:
            if not self._stopping:
                await self._serve_admitted(method, call, introduced, place)
        finally:
            place.leave()

    async def _introduced(self, method: Method, call: Call) -> list[_Introduction]:
        """The first request, or nothing if there is none. Neither its bytes nor its node, 61 kB each, are kept."""
        data = await call.read()
        if not isinstance(data, bytes):
            return []
        first = DECODERS[method.variant](data)
        proxy = proxy_of(first.node, self._parse_node)
        if self._secure is not None:
            proxy = await self._secure.admit(call, method.name, proxy)
        proxy = as_reached(proxy, address_of(call.peer()))
        return [_Introduction(first.request, proxy)]

    async def _serve_admitted(self, method: Method, call: Call, introduced: list[_Introduction], place: Place) -> None:
        """introduced: is emptied, so that what was asked first is not kept for as long as the stream lives."""
        request, proxy = introduced.pop()
        prefix = f"{next(self._stream_numbers):x}-"
        doubts = self._doubts.of(proxy.id)
        machine = Stream(method.variant, self._shared, method.only, prefix, self._patience, doubts)
        peer = self._secure.peer(call) if self._secure is not None else call.peer()
        status = self.board.opened(proxy, peer, method.variant)
        decode = DECODERS[method.variant]
        session = Session(call, decode, machine, self.board, status, self._reports, self._patience, self._turns)
        registrar = self._registrar if proxy.group else None
        if registrar is not None:
            registrar.arrived(proxy)
            session.on_health = partial(registrar.told, proxy)
        subscription = self._source.connect(proxy, session.wake)
        self._sessions.add(session)
        aged = self._end_at_age(session)
        try:
            session.hear(request)
            del request
            await session.run(subscription, place.leave)
        finally:
            if aged is not None:
                aged.cancel()
            machine.close()
            self._sessions.discard(session)
            subscription.close()
            self.board.closed(status)
            if registrar is not None:
                registrar.left(proxy)

    async def _serve_agent(self, stream: AgentStream) -> None:
        self._sessions.add(stream)
        try:
            await stream.run()
        finally:
            self._sessions.discard(stream)

    def _end_at_age(self, session: Session) -> asyncio.TimerHandle | None:
        """Not before the connection was told to go: a stream that ends earlier comes again on the same one."""
        if self._max_age is None:
            return None
        spread = random.uniform(1.15, 1.3)  # noqa: S311 - it spreads load, it guards nothing
        return asyncio.get_running_loop().call_later(self._max_age * spread, session.end)


def _keepalive_options(seconds: float) -> tuple[tuple[str, int], ...]:
    """gRPC gives any ping a minute to be answered, whatever the time-out of keepalive, unless it is told otherwise."""
    milliseconds = int(seconds * 1000)
    return (
        ("grpc.keepalive_time_ms", milliseconds),
        ("grpc.keepalive_timeout_ms", milliseconds // 3),
        ("grpc.http2.ping_timeout_ms", milliseconds // 3),
    )


def _age_options(max_age: float | None) -> tuple[tuple[str, int], ...]:
    """gRPC varies the age of a connection by a tenth, and cuts off what is still open after the grace."""
    if max_age is None:
        return ()
    milliseconds = int(max_age * 1000)
    return ("grpc.max_connection_age_ms", milliseconds), ("grpc.max_connection_age_grace_ms", milliseconds // 2)
