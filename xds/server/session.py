"""One stream: bytes in, bytes out, with the protocol machine between.

Two tasks share the machine, which never waits: one reads requests; the stream's own one wakes for new snapshots and
deadlines. Each writes what it brought about, under a lock, and does not go on before that is written. So a client that
does not read is not read from either, and what it misses coalesces in the machine, which has at most one response in
flight for each type. Large responses take turns, whoever they are for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol

from xds.protocol import Acked, Decode, Effect, Nacked, Request, Send, Stream, Subscribed
from xds.protocol.limits import check_names
from xds.resources import TYPE_ORDER, Snapshot, TypeUrl
from xds.server.admission import LARGE_BYTES, Admission
from xds.server.registrar import HEALTH_INFORMATION
from xds.server.reports import Reports
from xds.server.source import Subscription
from xds.server.status import StatusBoard, StreamStatus


class Wire(Protocol):
    """A gRPC call, as far as a session uses it."""

    async def read(self) -> object:
        """The next message, as bytes; ``grpc.aio.EOF`` at the end."""

    async def write(self, message: bytes) -> None: ...


class Session:
    """See the module. Raises RemoteProtocolError out of `run` if the client breaks the protocol.

    patience: seconds for which a client may neither read nor answer before that is reported. turns: in which large
    responses are written. on_health: is told what requests say of the workload's health: None if nothing is wrong.
    """

    __slots__ = (
        "_awake",
        "_board",
        "_decode",
        "_ending",
        "_loop",
        "_machine",
        "_outbox",
        "_patience",
        "_rang",
        "_reports",
        "_sleep",
        "_snapshot",
        "_status",
        "_timer",
        "_turns",
        "_unanswered",
        "_unread_at",
        "_wire",
        "_writing",
        "on_health",
    )

    def __init__(
        self,
        wire: Wire,
        decode: Decode,
        machine: Stream,
        board: StatusBoard,
        status: StreamStatus,
        reports: Reports,
        patience: float,
        turns: Admission,
    ) -> None:
        self._wire = wire
        self._decode = decode
        self._machine = machine
        self._board = board
        self._status = status
        self._reports = reports
        self._patience = patience
        self._turns = turns
        self._loop = asyncio.get_running_loop()
        self._awake = False
        self._sleep: asyncio.Future[None] | None = None
        self._ending = False
        self._outbox: list[Send] = []
        self._unanswered: dict[TypeUrl, float] = {}
        self._writing = asyncio.Lock()
        self._unread_at: float | None = None
        self._snapshot: Snapshot | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._rang = False
        self.on_health: Callable[[str | None], None] | None = None

    def wake(self) -> None:
        """There may be a new snapshot."""
        self._awake = True
        if self._sleep is not None and not self._sleep.done():
            self._sleep.set_result(None)

    def end(self) -> None:
        """Stop serving the stream."""
        self._ending = True
        self.wake()

    def hear(self, request: Request) -> None:
        """Take in what the client says. To be called with its first request, before `run`."""
        if request.type_url == HEALTH_INFORMATION:
            if self.on_health is not None:
                self.on_health(request.error.message if request.error is not None else None)
            return
        now = self._loop.time()
        self._carry_out(self._machine.receive_request(request, now), now)

    async def run(self, subscription: Subscription, begun: Callable[[], None]) -> None:
        """Serve the stream until the client ends it, or `end` is called.

        begun: called once what is to be said first has been written, and again whenever more has been.
        """
        self.wake()
        reader = asyncio.create_task(self._read())
        reader.add_done_callback(lambda _: self.wake())
        try:
            while not (reader.done() or self._ending):
                await self._woken()
                self._catch_up(subscription)
                await asyncio.sleep(0)  # until all streams know what to say: gRPC sends what is written in a row faster
                await self._flush()
                begun()
            if reader.done():
                reader.result()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            await _ended(reader)

    async def _woken(self) -> None:
        """An ``asyncio.Event`` in less memory, which counts where streams are many: only `run` waits."""
        if not self._awake:
            self._sleep = self._loop.create_future()
            await self._sleep
            self._sleep = None
        self._awake = False

    async def _read(self) -> None:
        while isinstance(data := await self._wire.read(), bytes):
            self.hear(self._decode(data).request)
            del data  # it is not kept while the next message is waited for
            await self._flush()

    def _catch_up(self, subscription: Subscription) -> None:
        now = self._loop.time()
        snapshot = subscription.latest()
        if snapshot is not None and snapshot is not self._snapshot:
            self._snapshot = snapshot
            self._carry_out(self._machine.receive_snapshot(snapshot, now), now)
        if self._rang:
            self._rang = False
            self._report_unanswered(now)
            self._carry_out(self._machine.tick(now), now)

    def _carry_out(self, effects: Iterable[Effect], now: float) -> None:
        for effect in effects:
            self._take_note(effect, now)
            self._board.happened(self._status, effect)
        self._set_timer(self._machine.next_deadline)

    def _take_note(self, effect: Effect, now: float) -> None:
        match effect:
            case Send():
                self._outbox.append(effect)
                self._unanswered[effect.type_url] = now + self._patience
            case Acked():
                self._unanswered.pop(effect.type_url, None)
            case Nacked():
                self._unanswered.pop(effect.type_url, None)
                self._reports.rejected(self._status, effect)
            case Subscribed():
                check_names(effect.names)
                if effect.type_url not in TYPE_ORDER:
                    self._reports.unknown_type(self._status, effect.type_url)
            case _:
                pass

    def _report_unanswered(self, now: float) -> None:
        overdue = [type_url for type_url, deadline in self._unanswered.items() if now >= deadline]
        if overdue:
            self._reports.unanswered(self._status, overdue, self._patience)
        for type_url in overdue:
            del self._unanswered[type_url]

    def _set_timer(self, deadline: float | None) -> None:
        """Ring then or before. A timer whose deadline has gone is not moved: to ring in vain costs less."""
        if deadline is None:
            return
        if self._timer is not None:
            if self._timer.when() <= deadline:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._unread_at is not None and self._loop.time() >= self._unread_at:
            self._unread_at = None
            self._reports.unread(self._status, self._patience)
        self._set_timer(self._unread_at)
        self._rang = True
        self.wake()

    async def _flush(self) -> None:
        if not self._outbox and not self._writing.locked():
            return
        async with self._writing:
            while self._outbox:
                send = self._outbox.pop(0)
                began = self._loop.time()
                await self._write(send)
                self._board.wrote(self._status, self._loop.time() - began)

    async def _write(self, send: Send) -> None:
        place = await self._turns.enter() if len(send.batch.body) >= LARGE_BYTES else None
        self._unread_at = self._loop.time() + self._patience
        self._set_timer(self._unread_at)
        try:
            await self._wire.write(send.encode())
        finally:
            if place is not None:
                place.leave()
        self._unread_at = None


async def _ended(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait until it is gone; what it raised was the business of whoever awaited it."""
    if not task.done():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
