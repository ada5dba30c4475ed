"""gRPC from and to a workload's namespace.

gRPC opens its own sockets, in the namespace of the process, so both ends are on Unix sockets and every connection is
relayed to a socket of the namespace.
"""

from __future__ import annotations

import asyncio
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
from grpc.aio import Call, Channel, ClientCallDetails, ServicerContext  # type: ignore[import-untyped]  # grpcio ships no types

from e2e.capture.caller import Caller

METHOD = "/greeter.Greeter/Greet"
SLOW_METHOD = "/greeter.Greeter/GreetSlowly"
SECOND_METHOD = "/greeter.Greeter/GreetAtTheSecondAttempt"
SLOW_SECONDS = 2.0

_Continue = Callable[[ClientCallDetails, object], Awaitable[Call]]


def _greeter(instance: str) -> grpc.GenericRpcHandler:
    """Answers with the name of the instance; requests and responses are plain bytes."""

    async def greet(request: bytes, context: ServicerContext) -> bytes:
        return instance.encode()

    async def greet_slowly(request: bytes, context: ServicerContext) -> bytes:
        await asyncio.sleep(SLOW_SECONDS)
        return instance.encode()

    async def greet_at_the_second_attempt(request: bytes, context: ServicerContext) -> bytes:
        """The request names the status that the first attempt ends with; the proxy counts attempts in a header."""
        if dict(context.invocation_metadata())["x-envoy-attempt-count"] == "1":
            await context.abort(grpc.StatusCode[request.decode()], "the first attempt fails")
        return instance.encode()

    methods = {METHOD: greet, SLOW_METHOD: greet_slowly, SECOND_METHOD: greet_at_the_second_attempt}
    return grpc.method_handlers_generic_handler(
        "greeter.Greeter",
        {path.rpartition("/")[2]: grpc.unary_unary_rpc_method_handler(method) for path, method in methods.items()},
    )


@asynccontextmanager
async def grpc_server(instance: str, listening: socket.socket) -> AsyncIterator[None]:
    """A gRPC server in plain text that answers with its own name."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "server")
        server = grpc.aio.server(handlers=[_greeter(instance)])
        server.add_insecure_port(f"unix:{path}")
        await server.start()

        async def accept(reader: StreamReader, writer: StreamWriter) -> None:
            await _relay((reader, writer), await asyncio.open_unix_connection(path))

        relay = await asyncio.start_server(accept, sock=listening)
        try:
            yield
        finally:
            relay.close()
            await server.stop(None)


@asynccontextmanager
async def grpc_channel(caller: Caller, host: str, port: int) -> AsyncIterator[Channel]:
    """A channel of a caller's application: one connection to ``host``."""

    async def accept(reader: StreamReader, writer: StreamWriter) -> None:
        async with caller.connection(host, port) as connection:
            await _relay((reader, writer), connection)

    with TemporaryDirectory() as folder:
        path = Path(folder, "channel")
        relay = await asyncio.start_unix_server(accept, path)
        try:
            options = (("grpc.default_authority", f"{host}:{port}"),)
            told = [_Told(caller, f"http://{host}:{port}")]
            async with grpc.aio.insecure_channel(f"unix:{path}", options, interceptors=told) as channel:
                yield channel
        finally:
            relay.close()


class _Told(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[misc]  # grpcio ships no types
    """Tells the caller's witness of every call that is answered."""

    def __init__(self, caller: Caller, url: str) -> None:
        self._caller = caller
        self._url = url

    async def intercept_unary_unary(self, continuation: _Continue, details: ClientCallDetails, request: object) -> Call:
        call = await continuation(details, request)
        answer = await call
        self._caller.tell_grpc(self._url + details.method.decode(), answer.decode())
        return call


async def _relay(one: tuple[StreamReader, StreamWriter], other: tuple[StreamReader, StreamWriter]) -> None:
    """Passes bytes on in both directions until both have ended."""
    await asyncio.gather(_forward(one[0], other[1]), _forward(other[0], one[1]))


async def _forward(reader: StreamReader, writer: StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
