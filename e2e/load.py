"""Requests at a steady rate, whatever becomes of them, and everything that came back."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from xds.app.demo.shop import Answer

_AT_ONCE = 60
"""More requests than this are never open: a mesh that stalls is asked no faster than it answers."""

_SEEN_SECONDS = 5.0
_ENOUGH = 20


class Client(Protocol):
    """Who sends the requests: a `Sidecar`, or something like it."""

    async def get(self, host: str) -> Answer:
        """The answer to one request."""


@dataclass
class Traffic:
    """What a load has met so far.

    answered: how many answers each instance gave. failures: what came back instead, with the time of each request
    since the load began; failed: that time, on `time.monotonic`. latest: the newest answers as pairs of
    when the request was sent and by whom it was answered.
    """

    began: float = field(default_factory=time.monotonic)
    answered: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    failed: list[float] = field(default_factory=list)
    latest: list[tuple[float, str]] = field(default_factory=list)

    @property
    def requests(self) -> int:
        """How many have been answered or have failed."""
        return self.answered.total() + len(self.failures)

    def record(self, answer: Answer) -> None:
        """Takes in one answer."""
        if not answer.ok:
            self.failed.append(answer.sent)
            self.failures.append(f"{answer.sent - self.began:.3f} s: {answer.status} {answer.body[:200]}")
            return
        instance = str(json.loads(answer.body)["instance"])
        self.answered[instance] += 1
        self.latest.append((answer.sent, instance))
        del self.latest[:-_ENOUGH]

    async def sees_all(self, instances: Iterable[str]) -> None:
        """Returns when each instance has answered a request sent from now on."""
        before, wanted = Counter(self.answered), set(instances)
        await self._until(lambda: all(self.answered[each] > before[each] for each in wanted), f"all of {wanted}")

    async def sees_only(self, instances: Iterable[str], seconds: float = _SEEN_SECONDS) -> float:
        """Returns when nothing but these instances has answered for a while; when that began, on `time.monotonic`."""
        now, wanted = time.monotonic(), set(instances)
        await self._until(
            lambda: (
                len(self.latest) == _ENOUGH and all(sent > now and instance in wanted for sent, instance in self.latest)
            ),
            f"nothing but {wanted}",
            seconds,
        )
        return min(sent for sent, _ in self.latest)

    async def sees(self, instance: str, since: float, seconds: float) -> None:
        """Returns when an instance has answered a request that was sent after ``since``, on `time.monotonic`."""
        await self._until(
            lambda: any(sent > since and by == instance for sent, by in self.latest),
            f"an answer of {instance}",
            seconds,
        )

    async def _until(self, happened: Callable[[], bool], what: str, seconds: float = _SEEN_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < deadline, (
                f"not seen within {seconds:g} s: {what}; last: {self.latest}, {self.failures[-3:]}"
            )
            await asyncio.sleep(0.005)


@asynccontextmanager
async def load(
    client: Client, host: str, rate: float, into: Traffic | None = None, at_once: int = _AT_ONCE
) -> AsyncIterator[Traffic]:
    """``rate`` requests a second for ``host`` through a sidecar, while the context is open. All are awaited.

    into: takes what comes back, and is the value of the context; a new one unless given. at_once: more than so many are
    never open, be they late.
    """
    traffic = into or Traffic()
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_send(client, host, rate, traffic, asyncio.Semaphore(at_once), stop))
        try:
            yield traffic
        finally:
            stop.set()


async def _send(
    client: Client, host: str, rate: float, traffic: Traffic, free: asyncio.Semaphore, stop: asyncio.Event
) -> None:
    async def one() -> None:
        try:
            traffic.record(await client.get(host))
        finally:
            free.release()

    due = time.monotonic()
    async with asyncio.TaskGroup() as requests:
        while not stop.is_set():
            await free.acquire()
            requests.create_task(one())
            due = max(due + 1 / rate, time.monotonic() - 0.1)
            await asyncio.sleep(due - time.monotonic())
