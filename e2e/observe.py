"""What a client behind a sidecar sees while the configuration changes."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from e2e.lab import Sidecar

_FIRST_ANSWER_SECONDS = 10.0


async def live_after(client: Sidecar, host: str, expected: str, since: float, at_most: float = 5.0) -> float:
    """Seconds from ``since`` until a request to ``host`` is answered by ``expected``; fails after ``at_most``."""
    while (seen := await client.instance(host)) != expected:
        assert time.monotonic() - since < at_most, f"still answered by {seen}"
        await asyncio.sleep(0.01)
    return time.monotonic() - since


async def seen_for(client: Sidecar, host: str, seconds: float) -> set[str]:
    """Everything that answers requests to ``host`` in this time."""
    end = time.monotonic() + seconds
    seen = set()
    while time.monotonic() < end:
        seen.add(await client.instance(host))
        await asyncio.sleep(0.01)
    return seen


@asynccontextmanager
async def steady_requests(client: Sidecar, host: str, every: float = 0.01) -> AsyncIterator[Counter[str]]:
    """Requests ``host`` all the time; the value counts what answered: instances, or failures as status and body.

    The context opens once there is a first answer, so that what happens in it happens under traffic.
    """
    seen: Counter[str] = Counter()
    answered = asyncio.Event()

    async def ask() -> None:
        seen[await client.instance(host)] += 1
        answered.set()

    async def ask_again_and_again() -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(ask())
                await asyncio.sleep(every)

    asking = asyncio.ensure_future(ask_again_and_again())
    try:
        await asyncio.wait_for(answered.wait(), _FIRST_ANSWER_SECONDS)
        yield seen
    finally:
        asking.cancel()
        await asyncio.wait((asking,))
