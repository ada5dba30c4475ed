"""A server that tells what it received: HTTP/1.1, HTTP/2 without negotiation, the PROXY protocol, TLS."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_DATA, _HEADERS, _SETTINGS, _PING = 0, 1, 4, 6
_ACK, _END_STREAM, _END_HEADERS = 1, 1, 4
_STATUS_200 = b"\x88"
"""HPACK: an entry of the static table."""


@dataclass
class Instance:
    """An instance of a service. address: an IP address, or the path of a Unix domain socket. port: 0 for any free one.

    status: what it answers HTTP/1.1 requests with. gate: requests wait until it is set, or those alone whose path is
    ``held``. waiting: how many do. requests: the paths of all of HTTP/1.1 that came, in their order.
    """

    name: str
    address: str
    port: int
    tls: ssl.SSLContext | None = None
    locality: str = ""
    status: int = 200
    held: str = ""
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0
    pings: int = 0
    waiting: int = 0
    requests: list[str] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self) -> None:
        """Listens, as soon as this returns."""
        if self.address.startswith("/"):
            self._server = await asyncio.start_unix_server(self._converse, self.address)
            return
        self._server = await asyncio.start_server(self._converse, self.address, self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Answers what it was asked, and then is gone: nothing listens, and no connection is left."""
        if self._server is None:
            return
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()
        self._server = None

    def release(self) -> None:
        """Lets what waits now go on, and nothing that comes later."""
        self.gate.set()
        self.gate.clear()

    async def _wait(self, path: str) -> None:
        if self.held in ("", path):
            self.waiting += 1
            await self.gate.wait()
            self.waiting -= 1

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            start = await reader.readexactly(len(SIGNATURE))
            received: dict[str, object] = {
                "instance": self.name,
                "address": self.address,
                "connection": self.connections,
            }
            if start == SIGNATURE:
                received["announced"] = await _announced_v2(reader)
                start = await reader.readexactly(len(SIGNATURE))
            elif start.startswith(b"PROXY "):
                received["announced"], start = await _announced_v1(reader, start)
            if PREFACE.startswith(start):
                await reader.readexactly(len(PREFACE) - len(start))
                await self._http2(reader, writer, {**received, "protocol": "HTTP/2"})
            else:
                await self._http1(reader, writer, start, {**received, "protocol": "HTTP/1.1"})
        writer.close()
        self._writers.discard(writer)

    async def _http1(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, start: bytes, received: dict[str, object]
    ) -> None:
        while True:
            head = (start + await reader.readuntil(b"\r\n\r\n")).decode()
            start = b""
            lines = head.splitlines()
            headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
            path = lines[0].split()[1]
            self.requests.append(path)
            await self._wait(path)
            body = json.dumps({**received, "path": path, "headers": headers}).encode()
            writer.write(b"HTTP/1.1 %d OK\r\ncontent-length: %d\r\n\r\n%b" % (self.status, len(body), body))
            await writer.drain()

    async def _http2(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: dict[str, object]
    ) -> None:
        """Answers every request, which has no body, without decoding it, one after the other."""
        writer.write(_frame(_SETTINGS, 0, 0, b""))
        body = json.dumps(received).encode()
        while True:
            head = await reader.readexactly(9)
            kind, flags, stream = head[3], head[4], int.from_bytes(head[5:])
            payload = await reader.readexactly(int.from_bytes(head[:3]))
            if kind == _SETTINGS and not flags & _ACK:
                writer.write(_frame(_SETTINGS, _ACK, 0, b""))
            elif kind == _PING and not flags & _ACK:
                self.pings += 1
                writer.write(_frame(_PING, _ACK, 0, payload))
            elif kind == _HEADERS:
                await self._wait(self.held)
                writer.write(_frame(_HEADERS, _END_HEADERS, stream, _STATUS_200))
                writer.write(_frame(_DATA, _END_STREAM, stream, body))


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


async def _announced_v1(reader: asyncio.StreamReader, start: bytes) -> tuple[str, bytes]:
    """The line, and the first bytes after it."""
    line = start + await reader.readuntil(b"\r\n")
    return line.decode().strip(), await reader.readexactly(len(SIGNATURE))


async def _announced_v2(reader: asyncio.StreamReader) -> str:
    """``version command source``, as far as IPv4 goes."""
    head = await reader.readexactly(4)
    addresses = await reader.readexactly(int.from_bytes(head[2:]))
    return f"{head[0] >> 4} {head[0] & 15} {IPv4Address(addresses[:4])}"


@asynccontextmanager
async def running(
    name: str, address: str, port: int, tls: ssl.SSLContext | None = None, locality: str = ""
) -> AsyncIterator[Instance]:
    """An instance that listens while the context is open, unless a test stops it."""
    instance = Instance(name, address, port, tls, locality)
    instance.gate.set()
    await instance.start()
    try:
        yield instance
    finally:
        instance.gate.set()
        await instance.stop()
