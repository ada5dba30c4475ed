"""What serves in a workload's namespace: servers that tell what they received."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from aiohttp import web


@asynccontextmanager
async def http_server(
    instance: str, listening: socket.socket, tls: ssl.SSLContext | None = None
) -> AsyncIterator[None]:
    """Answers every request with what it received, as JSON.

    With the query ``sleep=SECONDS`` after that time; with ``status=CODE`` it answers that, and nothing else.

    On a WebSocket every message is answered with ``instance MESSAGE``.
    """

    async def echo(request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("upgrade") == "websocket":
            return await _converse(request, instance)
        await asyncio.sleep(float(request.query.get("sleep", 0)))
        if "status" in request.query:
            return web.Response(status=int(request.query["status"]))
        return web.json_response(
            {
                "instance": instance,
                "path": request.path,
                "headers": {name.lower(): value for name, value in request.headers.items()},
                "peer": request.get_extra_info("peername")[0],
                "local": list(request.get_extra_info("sockname")[:2]),
            }
        )

    runner = web.ServerRunner(web.Server(echo), shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.SockSite(runner, listening, ssl_context=tls).start()
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def failing_server(instance: str, listening: socket.socket) -> AsyncIterator[None]:
    """Answers every HTTP request with 503."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(converse, sock=listening)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()


async def _converse(request: web.BaseRequest, instance: str) -> web.WebSocketResponse:
    messages = web.WebSocketResponse()
    await messages.prepare(request)
    async for message in messages:
        await messages.send_str(f"{instance} {message.data}")
    return messages


@asynccontextmanager
async def line_server(instance: str, listening: socket.socket, greeting: str = "") -> AsyncIterator[None]:
    """Answers every line with ``instance LINE``. greeting: said first, before the client says anything."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if greeting:
            writer.write(f"{greeting} {instance}\n".encode())
        async for line in reader:
            writer.write(f"{instance} ".encode() + line)
        writer.close()

    server = await asyncio.start_server(converse, sock=listening)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()


def greeting_server(instance: str, listening: socket.socket) -> AbstractAsyncContextManager[None]:
    """A server that speaks first, as databases do."""
    return line_server(instance, listening, "welcome to")


@asynccontextmanager
async def bytes_server(instance: str, listening: socket.socket) -> AsyncIterator[None]:
    """Answers the first bytes, whatever they are, with ``instance PORT``."""
    port = listening.getsockname()[1]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(f"{instance} {port}\n".encode())
        writer.close()

    server = await asyncio.start_server(answer, sock=listening)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()


Server = Callable[[str, socket.socket], AbstractAsyncContextManager[None]]
