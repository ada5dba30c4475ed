"""How many may be served at once: streams their first response, and clients their TLS handshake.

When a control plane restarts, all proxies come back within a second. Serving all of them a little at a time would
serve none before it gives up and comes again; so they are served in order, some at a time, and those that are served
stay. A place is for the first response only: waiting for a client is no reason to keep others out.

Large responses are written some at a time too, so that the memory of one serves for the next: each takes twice its size
while it is written, and to get that from the system for all streams at once takes longer than to send it.

Handshakes take turns for the first reason: those of all at once are done at the end only, when many have given up.
"""

from __future__ import annotations

import asyncio

LIMIT = 64
"""Streams that may be at their first response at once."""

LARGE_BYTES = 256 << 10
"""From this size on a response waits for its turn."""

LARGE_LIMIT = 8
"""Large responses that may be written at once."""

HOLD = 1.0
"""Seconds for which a stream keeps its place at most: a client that does not read must not keep others out."""


class Place:
    """Belongs to one stream, or client, until it leaves, or has held it for too long."""

    def __init__(self, places: asyncio.Semaphore, hold: float) -> None:
        self._places = places
        self._timer = asyncio.get_running_loop().call_later(hold, self.leave)
        self._left = False

    def leave(self) -> None:
        """Let the next one in. Doing it again does nothing."""
        if not self._left:
            self._left = True
            self._timer.cancel()
            self._places.release()


class Admission:
    """Gives out places in the order in which they are asked for."""

    def __init__(self, limit: int = LIMIT, hold: float = HOLD) -> None:
        self._places = asyncio.Semaphore(limit)
        self._hold = hold

    async def enter(self) -> Place:
        """Wait for a place. Nothing is lost if the wait is cancelled, because the client has gone."""
        await self._places.acquire()
        return Place(self._places, self._hold)
