"""An HTTP proxy that takes tunnels, by CONNECT and by POST, and tells where they were to lead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_Read = Callable[[], Awaitable[bytes]]
_BLOCK = 65536


@dataclass
class HttpProxy:
    """target: where every tunnel really leads. requests: method and authority of each."""

    address: str
    target: tuple[str, int]
    requests: list[tuple[str, str]] = field(default_factory=list)

    async def tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves a connection, until one side closes."""
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        method = lines[0].partition(" ")[0]
        self.requests.append((method, headers["host"]))
        chunked = method != "CONNECT"
        writer.write(b"HTTP/1.1 200 OK\r\n%b\r\n" % (b"transfer-encoding: chunked\r\n" if chunked else b""))
        their_reader, their_writer = await asyncio.open_connection(*self.target)
        there = _copy(_chunks(reader) if chunked else _blocks(reader), their_writer, chunked=False)
        back = _copy(_blocks(their_reader), writer, chunked=chunked)
        await asyncio.wait(map(asyncio.ensure_future, (there, back)), return_when=asyncio.FIRST_COMPLETED)
        their_writer.close()
        writer.close()


def _blocks(reader: asyncio.StreamReader) -> _Read:
    async def read() -> bytes:
        return await reader.read(_BLOCK)

    return read


def _chunks(reader: asyncio.StreamReader) -> _Read:
    async def read() -> bytes:
        size = int(await reader.readuntil(b"\r\n"), 16)
        return (await reader.readexactly(size + 2))[:-2]

    return read


async def _copy(read: _Read, writer: asyncio.StreamWriter, *, chunked: bool) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while block := await read():
            writer.write(b"%x\r\n%b\r\n" % (len(block), block) if chunked else block)
            await writer.drain()


@asynccontextmanager
async def http_proxy(address: str, port: int, target: tuple[str, int]) -> AsyncIterator[HttpProxy]:
    """Listens while the context is open."""
    proxy = HttpProxy(address, target)
    server = await asyncio.start_server(proxy.tunnel, address, port)
    async with server:
        yield proxy
