"""Changes of the configuration, from the source to whoever puts them in force: the first at once, bursts together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import NamedTuple

from xds.app.debounce import Debounce
from xds.sources.batch import Batch
from xds.sources.files import FileSource


class Seen(NamedTuple):
    """Changes, and the epoch seconds at which the first of them was seen."""

    at: float
    batch: Batch

    def then(self, later: Seen) -> Seen:
        """Both, as one."""
        return Seen(self.at, self.batch.then(later.batch))


class Intake:
    """A source's changes in order. publish: puts them in force; must not raise."""

    def __init__(self, source: FileSource, publish: Callable[[Seen], None]) -> None:
        self._source = source
        self._publish = publish
        self._incoming: asyncio.Queue[Seen] = asyncio.Queue()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._pump())
            await self._follow()

    async def refresh(self) -> None:
        """Looks at the source now, and returns when everything that it says is in force."""
        batch = await self._source.settled_scan()
        if batch.changed:
            self._incoming.put_nowait(Seen(time.time(), batch))
        await self._incoming.join()

    async def _pump(self) -> None:
        async with aclosing(self._source.changes()) as batches:
            async for batch in batches:
                self._incoming.put_nowait(Seen(time.time(), batch))

    async def _follow(self) -> None:
        debounce = Debounce()
        clock = asyncio.get_running_loop().time
        acted: float | None = None
        while True:
            seen, count = await self._incoming.get(), 1
            first = last = clock()
            while (delay := debounce.due(first, last, acted) - clock()) > 0:
                try:
                    async with asyncio.timeout(delay):
                        seen = seen.then(await self._incoming.get())
                    last, count = clock(), count + 1
                except TimeoutError:
                    break
            self._publish(seen)
            acted = clock()
            for _ in range(count):
                self._incoming.task_done()
