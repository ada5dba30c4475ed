"""A server of a few pages: one request for each connection, and answers that are written as they are made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

import h11

MAX_CONNECTIONS: Final = 32
"""At once; who comes then is sent away."""

REQUEST_SECONDS: Final = 10.0
"""For a request to arrive."""

ANSWER_SECONDS: Final = 60.0
"""For an answer to be made, and read by the client."""

_CHUNK: Final = 16 << 10
_TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Asked:
    """peer: the client's IP address."""

    peer: str


@dataclass(frozen=True, slots=True)
class Reply:
    """body: None for a reply that is short enough to be in ``text``."""

    status: int = 200
    text: str = ""
    body: AsyncGenerator[bytes, None] | None = None
    content_type: str = _TEXT


Page = Callable[[Asked], Awaitable[Reply]]

Pages = Mapping[tuple[str, str], Page]
"""By method and path."""


class HttpServer:
    """Serves pages until `stop`."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listens; gives the port. Raises OSError."""
        self._server = await asyncio.start_server(self._accept, host, port, limit=_CHUNK)
        chosen: int = self._server.sockets[0].getsockname()[1]
        return chosen

    async def stop(self) -> None:
        """Ends every connection, and listens no more."""
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= MAX_CONNECTIONS:
            writer.close()
            return
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_CHUNK)
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                request = await _request(connection, reader)
            async with asyncio.timeout(ANSWER_SECONDS):
                reply = await self._reply(request, Asked(writer.get_extra_info("peername")[0]))
                await _answer(connection, writer, request, reply)
        except (OSError, TimeoutError, h11.ProtocolError):
            pass  # it is the client that went away, was too slow, or spoke something else
        finally:
            await _end(writer)

    async def _reply(self, request: h11.Request, asked: Asked) -> Reply:
        path = request.target.partition(b"?")[0].decode("latin-1")
        method = request.method.decode("latin-1")
        page = self._pages.get(("GET" if method == "HEAD" else method, path))
        if page is not None:
            return await page(asked)
        allowed = [known for known, place in self._pages if place == path]
        if allowed:
            return Reply(405, f"{path} is for {', '.join(allowed)}\n")
        return Reply(404, f"there is no {path[:200]}; there are {', '.join(sorted({at for _, at in self._pages}))}\n")


async def _request(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request:
    """The whole request. Its body is nobody's business, and may not be longer than one piece."""
    request: h11.Request | None = None
    left = _CHUNK
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(_CHUNK)
            connection.receive_data(data)
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            left -= len(event.data)
            if left < 0:
                raise h11.RemoteProtocolError("the body is too long")
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            return request
        else:
            raise h11.RemoteProtocolError("the client went away")


async def _answer(connection: h11.Connection, writer: asyncio.StreamWriter, request: h11.Request, reply: Reply) -> None:
    headers = [("content-type", reply.content_type), ("connection", "close")]
    text = reply.text.encode()
    if reply.body is None:
        headers.append(("content-length", str(len(text))))
    writer.write(connection.send(h11.Response(status_code=reply.status, headers=headers)) or b"")
    async with aclosing(reply.body or _once(text)) as body:
        if request.method != b"HEAD":
            async for chunk in body:
                writer.write(connection.send(h11.Data(data=chunk)) or b"")
                await writer.drain()
    writer.write(connection.send(h11.EndOfMessage()) or b"")
    await writer.drain()


async def _end(writer: asyncio.StreamWriter) -> None:
    """Closes the connection, once what was written is with the client, if that does not take long."""
    writer.close()
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        pass  # the client is gone
    finally:
        writer.transport.abort()


async def _once(text: bytes) -> AsyncGenerator[bytes, None]:
    yield text
