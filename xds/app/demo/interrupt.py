"""Ctrl-C and SIGTERM as a clean end of the work at hand."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):  # noqa: N818 - it is no error
    """The user ended the work. All of its cleanup has been done."""


async def interruptible(work: Coroutine[None, None, T]) -> T:
    """Runs ``work``; SIGINT or SIGTERM cancel it, once, so that an impatient second one does not stop its cleanup.

    Raises Interrupted when the work has ended for that reason. For the main thread only, as all signal handling.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    received: list[int] = []

    def interrupt(number: int) -> None:
        if not received:
            task.cancel()
        received.append(number)

    for number in SIGNALS:
        loop.add_signal_handler(number, interrupt, number)
    try:
        return await task
    except asyncio.CancelledError:
        if received:
            raise Interrupted from None
        raise
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
