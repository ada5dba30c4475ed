"""A TCP forwarder that can be pointed elsewhere: what stands between proxies and the replicas of a control plane."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

Address = tuple[str, int]


class Forwarder:
    """Passes connections on to ``target``."""

    def __init__(self, target: Address) -> None:
        self.target = target
        self._connections: set[asyncio.StreamWriter] = set()

    def switch(self, target: Address) -> None:
        """Cuts every connection, without a word to either end, and sends new ones to ``target``."""
        self.target = target
        for connection in tuple(self._connections):
            connection.transport.abort()

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either end closes it."""
        try:
            onward_reader, onward_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, onward_writer}
        self._connections |= ends
        try:
            copies = [_copy(reader, onward_writer), _copy(onward_reader, writer)]
            await asyncio.wait(map(asyncio.ensure_future, copies), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._connections -= ends
            for end in ends:
                end.transport.abort()


@asynccontextmanager
async def forwarder(listen: Address, target: Address) -> AsyncIterator[Forwarder]:
    """A `Forwarder` that listens while the context is open."""
    forwarding = Forwarder(target)
    server = await asyncio.start_server(forwarding.forward, *listen)
    try:
        yield forwarding
    finally:
        server.close()
        forwarding.switch(target)
        await server.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        return
