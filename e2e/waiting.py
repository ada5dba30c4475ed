"""Waiting for what other processes bring about: none of them wakes us, so it is asked for again and again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

_PAUSE_SECONDS = 0.02


async def answered(ask: Callable[[], Awaitable[object]], expected: object, seconds: float) -> None:
    """Returns once this is the answer. Raises AssertionError with the last one if it is not within so many seconds."""
    deadline = time.monotonic() + seconds
    while (found := await ask()) != expected:
        assert time.monotonic() < deadline, f"{found} instead of {expected} after {seconds:g} s"
        await asyncio.sleep(_PAUSE_SECONDS)


async def happened(is_so: Callable[[], Awaitable[bool]], what: str, seconds: float) -> None:
    """Returns once it is so. Raises AssertionError with ``what`` if it is not within so many seconds."""
    deadline = time.monotonic() + seconds
    while not await is_so():
        assert time.monotonic() < deadline, f"not seen within {seconds:g} s: {what}"
        await asyncio.sleep(_PAUSE_SECONDS)
