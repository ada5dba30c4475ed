"""The endpoint behind every cluster, and a client that sends requests to the letter."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from e2e.agreement.world import Sent

_ANSWER_SECONDS = 30.0
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Received:
    """A request as an endpoint got it."""

    endpoint: str
    path: str
    headers: Headers

    def header(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for key, value in self.headers if key == name]


@dataclass(frozen=True, slots=True)
class Response:
    """What came back. received: None if no endpoint got the request."""

    status: int
    headers: Headers
    received: Received | None

    def header(self, name: str) -> str:
        """The first value of a header; empty without it."""
        return next((value for key, value in self.headers if key == name), "")


@asynccontextmanager
async def endpoints() -> AsyncIterator[int]:
    """Listens on every loopback address while the context is open, whose value is the port. Each answer tells, in a
    header, at which address the request arrived, and the request itself."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                path, headers = _head(head)
                told = json.dumps([writer.get_extra_info("sockname")[0], path, headers])
                writer.write(f"HTTP/1.1 200 OK\r\nx-received: {told}\r\ncontent-length: 0\r\n\r\n".encode("latin-1"))
        writer.close()

    server = await asyncio.start_server(serve, "0.0.0.0", 0)  # noqa: S104 - every address of 127.0.0.0/8 is needed
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


def _head(text: str) -> tuple[str, Headers]:
    """The second word of the first line, and the headers, names in lower case."""
    first, *lines = text.removesuffix("\r\n\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first.split(" ")[1], tuple((name.lower(), value.strip()) for name, _, value in pairs)


async def send(address: str, port: int, request: Sent) -> Response:
    """The response to one request, on a connection of its own. The body is not read."""
    async with asyncio.timeout(_ANSWER_SECONDS):
        reader, writer = await asyncio.open_connection(address, port)
        try:
            return await read_response(reader, writer, request)
        finally:
            writer.close()


async def read_response(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Sent) -> Response:
    """The same on a connection that there is."""
    lines = str(request).split("\n")
    writer.write("\r\n".join((*lines, "content-length: 0", "", "")).encode("latin-1"))
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status, headers = _head(head)
    told = next((value for name, value in headers if name == "x-received"), "")
    return Response(int(status), headers, _received(told) if told else None)


def _received(told: str) -> Received:
    endpoint, path, headers = json.loads(told)
    return Received(endpoint, path, tuple((name, value) for name, value in headers))
