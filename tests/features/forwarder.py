"""A TCP forwarder that can stop: connections stay open on both sides, and nothing comes through any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_BYTES = 1 << 16


class Forwarder:
    """Between clients and a server on this host. port: where it listens."""

    def __init__(self, to: int) -> None:
        """to: the server's port."""
        self._to = to
        self._running = True
        self._writers: list[asyncio.StreamWriter] = []
        self._pipes: list[asyncio.Task[None]] = []
        self.port = 0

    def stop_forwarding(self) -> None:
        """From now on what either side says is lost, and neither is told."""
        self._running = False

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Accepts connections within the block, and closes them at its end."""
        server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            for writer in self._writers:
                writer.close()
            await asyncio.gather(*self._pipes)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers += [writer, far_writer]
        self._pipes += [
            asyncio.create_task(self._pipe(reader, far_writer)),
            asyncio.create_task(self._pipe(far_reader, writer)),
        ]

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(_BYTES):
                if self._running:
                    writer.write(data)
                    await writer.drain()
        except ConnectionError:
            return  # a side that ends its connection in the middle of something has ended it all the same
        finally:
            writer.close()
