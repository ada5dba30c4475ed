"""One stream: bytes in, bytes out, with the protocol machine between.

Two tasks share the machine, which never waits: one reads requests; the stream's own one wakes for new snapshots and
deadlines. Each writes what it brought about, under a lock, and does not go on before that is written. So a client that
does not read is not read from either, and what it misses coalesces in the machine, which has at most one response in
flight for each type.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol

import structlog

from xds.model.objects import ObjectKey, Origin
from xds.protocol import Effect, Nacked, Send, Stream
from xds.resources import Snapshot
from xds.server.codec import Decode, Incoming
from xds.server.source import Subscription
from xds.server.status import StatusBoard, StreamStatus

Locate = Callable[[ObjectKey], Origin | None]
"""Where an object was written; None if it is not known any more."""

_MAX_LOGGED_RESOURCES = 10


class Wire(Protocol):
    """A gRPC call, as far as a session uses it."""

    async def read(self) -> object:
        """The next message, as bytes; ``grpc.aio.EOF`` at the end."""

    async def write(self, message: bytes) -> None: ...


class Session:
    """See the module. Raises RemoteProtocolError out of `run` if the client breaks the protocol."""

    def __init__(
        self, wire: Wire, decode: Decode, machine: Stream, board: StatusBoard, status: StreamStatus, locate: Locate
    ) -> None:
        self._wire = wire
        self._decode = decode
        self._machine = machine
        self._board = board
        self._status = status
        self._locate = locate
        self._loop = asyncio.get_running_loop()
        self._awake = asyncio.Event()
        self._ending = False
        self._outbox: deque[Send] = deque()
        self._writing = asyncio.Lock()
        self._snapshot: Snapshot | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._log = structlog.get_logger("xds.server").bind(proxy=str(status.proxy), peer=status.peer)

    def wake(self) -> None:
        """There may be a new snapshot."""
        self._awake.set()

    def end(self) -> None:
        """Stop serving the stream."""
        self._ending = True
        self._awake.set()

    async def run(self, first: Incoming, subscription: Subscription) -> None:
        """Serve the stream until the client ends it, or `end` is called."""
        self._carry_out(self._machine.receive_request(first.request, self._loop.time()))
        self._awake.set()
        reader = asyncio.create_task(self._read())
        reader.add_done_callback(lambda _: self._awake.set())
        try:
            while not (reader.done() or self._ending):
                await self._awake.wait()
                self._awake.clear()
                self._catch_up(subscription)
                await self._flush()
            if reader.done():
                reader.result()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            await _ended(reader)

    async def _read(self) -> None:
        while isinstance(data := await self._wire.read(), bytes):
            self._carry_out(self._machine.receive_request(self._decode(data).request, self._loop.time()))
            await self._flush()

    def _catch_up(self, subscription: Subscription) -> None:
        now = self._loop.time()
        snapshot = subscription.latest()
        if snapshot is not None and snapshot is not self._snapshot:
            self._snapshot = snapshot
            self._carry_out(self._machine.receive_snapshot(snapshot, now))
        deadline = self._machine.next_deadline
        if deadline is not None and now >= deadline:
            self._carry_out(self._machine.tick(now))

    def _carry_out(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self._outbox.append(effect)
            elif isinstance(effect, Nacked):
                self._log_rejection(effect)
            self._board.happened(self._status, effect)
        self._set_timer()

    def _set_timer(self) -> None:
        deadline = self._machine.next_deadline
        if self._timer is not None:
            if self._timer.when() == deadline:
                return
            self._timer.cancel()
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._awake.set)

    async def _flush(self) -> None:
        async with self._writing:
            while self._outbox:
                send = self._outbox.popleft()
                await self._wire.write(send.encode())

    def _log_rejection(self, nacked: Nacked) -> None:
        """Once for each rejected response, with what stands behind the resources in it."""
        suspects = nacked.suspects[:_MAX_LOGGED_RESOURCES]
        origins = dict.fromkeys(key for resource in suspects for key in resource.origins)
        self._log.warning(
            "the proxy rejected its configuration",
            type=nacked.type_url.rpartition(".")[2],
            reason=nacked.error.message,
            resources=[resource.name for resource in suspects],
            objects=[self._describe(key) for key in origins],
        )

    def _describe(self, key: ObjectKey) -> str:
        origin = self._locate(key)
        return f"{key} ({origin})" if origin else str(key)


async def _ended(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait until it is gone; what it raised was the business of whoever awaited it."""
    if not task.done():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
