"""What stands between proxies and the replicas of a control plane: a TCP forwarder that can be pointed elsewhere, and a
balancer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count

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
            onward_reader, onward_writer = await self._connect()
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

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """To whom a new connection goes. Raises OSError."""
        return await asyncio.open_connection(*self.target)


class Balancer(Forwarder):
    """Passes connections on to one target after the other, without those that do not answer."""

    def __init__(self, targets: Sequence[Address]) -> None:
        super().__init__(targets[0])
        self._targets = targets
        self._turns = count()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        turn = next(self._turns)
        for number in range(len(self._targets)):
            self.target = self._targets[(turn + number) % len(self._targets)]
            with suppress(OSError):
                return await super()._connect()
        raise ConnectionRefusedError("none of them answers")


@asynccontextmanager
async def forwarder(listen: Address, target: Address) -> AsyncIterator[Forwarder]:
    """A `Forwarder` that listens while the context is open."""
    async with _listening(listen, Forwarder(target)) as forwarding:
        yield forwarding


@asynccontextmanager
async def balancer(listen: Address, targets: Sequence[Address]) -> AsyncIterator[Forwarder]:
    """A `Balancer` that listens while the context is open."""
    async with _listening(listen, Balancer(targets)) as balancing:
        yield balancing


@asynccontextmanager
async def _listening(listen: Address, forwarding: Forwarder) -> AsyncIterator[Forwarder]:
    server = await asyncio.start_server(forwarding.forward, *listen)
    try:
        yield forwarding
    finally:
        server.close()
        forwarding.switch(forwarding.target)
        await server.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        return
