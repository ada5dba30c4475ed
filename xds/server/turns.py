"""Who goes first when many come at once: a few at a time, in the order in which they came.

All at once would all be done at the end only, when those that came first have given up, and come again. Whoever is slow
for reasons of its own loses its turn, and not its place: it goes on beside the next.
"""

from __future__ import annotations

import asyncio


class Turn:
    """Lasts until it is ended, or is over by itself."""

    def __init__(self, free: asyncio.Semaphore, seconds: float) -> None:
        self._free = free
        self._is_over = False
        self._timer = asyncio.get_running_loop().call_later(seconds, self.end)

    def end(self) -> None:
        """The next may go. Does nothing if it is over."""
        if not self._is_over:
            self._is_over = True
            self._timer.cancel()
            self._free.release()


class Turns:
    """at_once: how many have a turn. seconds: how long one lasts at most. For use in the event loop's thread."""

    def __init__(self, at_once: int, seconds: float) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._seconds = seconds

    async def take(self) -> Turn:
        """Waits for one."""
        await self._free.acquire()
        return Turn(self._free, self._seconds)
