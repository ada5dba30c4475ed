"""A request on a connection of its own, whose answer is read as it comes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import h11

_CHUNK: Final = 64 << 10
_MAX_HEAD: Final = 64 << 10


class HttpError(Exception):
    """There is no answer, or not the whole of it. The message says why, in a few words."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to ask. tls: None for plain text."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        """As in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(slots=True)
class Answer:
    """What came back. headers: names in lower case; of several with a name the last. To be read once."""

    status: int
    headers: Mapping[str, str]
    _connection: h11.Connection = field(repr=False)
    _reader: asyncio.StreamReader = field(repr=False)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, piece by piece. Raises HttpError if it ends before its end."""
        while not isinstance(event := await _next(self._connection, self._reader), h11.EndOfMessage):
            if isinstance(event, h11.Data):
                yield bytes(event.data)

    async def text(self, limit: int) -> str:
        """The body, cut after ``limit`` bytes. Raises HttpError."""
        body = b""
        async for chunk in self.chunks():
            body += chunk
            if len(body) >= limit:
                break
        return body[:limit].decode(errors="replace")


@asynccontextmanager
async def ask(
    target: Target, path: str, seconds: float, method: str = "GET", headers: Mapping[str, str] | None = None
) -> AsyncIterator[Answer]:
    """The answer to a request. seconds: for all of it, the body included. Raises HttpError, also inside."""
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(target.host, target.port, ssl=target.tls, limit=_CHUNK)
            try:
                connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)
                given = {"host": str(target), "connection": "close", **(headers or {})}
                head = h11.Request(method=method, target=path, headers=list(given.items()))
                writer.write((connection.send(head) or b"") + (connection.send(h11.EndOfMessage()) or b""))
                await writer.drain()
                yield await _answer(connection, reader)
            finally:
                writer.close()
    except TimeoutError:
        raise HttpError(f"no answer of {target} within {seconds:g} s") from None
    except OSError as error:
        raise HttpError(f"{target}: {error.strerror or error}") from error
    except h11.ProtocolError as error:
        raise HttpError(f"{target} does not speak HTTP/1.1: {error}") from error


async def _answer(connection: h11.Connection, reader: asyncio.StreamReader) -> Answer:
    while not isinstance(event := await _next(connection, reader), h11.Response):
        pass  # 1xx
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in event.headers}
    return Answer(event.status_code, headers, connection, reader)


async def _next(connection: h11.Connection, reader: asyncio.StreamReader) -> object:
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await reader.read(_CHUNK))
    return event
