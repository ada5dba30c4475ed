"""A cable between two namespaces that loses and delays what it carries: kernels without ``sch_netem`` have none.

Each end is a TAP device, which is a network card for its namespace and a file for us: what the one sends we write to
the other, late or not at all. Nothing is left of it when the files are closed, however the process ends.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from e2e.capture.namespaces import Namespace

_LONGEST_FRAME = 1 << 16


@dataclass
class Cable:
    """delay: in seconds, each way. loss: the share of frames that are lost, each way. carried, lost: frames so far."""

    delay: float = 0.0
    loss: float = 0.0
    carried: int = 0
    lost: int = 0
    chance: Random = field(default_factory=lambda: Random(1))

    def take(self, source: int, target: int) -> None:
        """Passes on what there is to be read."""
        frame = os.read(source, _LONGEST_FRAME)
        if self.chance.random() < self.loss:
            self.lost += 1
            return
        self.carried += 1
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, _put, target, frame)
        else:
            _put(target, frame)


def _put(target: int, frame: bytes) -> None:
    try:
        os.write(target, frame)
    except OSError:
        return  # this end has been put down


@asynccontextmanager
async def cable(one: tuple[Namespace, str], other: tuple[Namespace, str]) -> AsyncIterator[Cable]:
    """A cable between devices of these names, made here, which are down at first."""
    made, loop = Cable(), asyncio.get_running_loop()
    ends = [place.open_tap(name) for place, name in (one, other)]
    try:
        for source, target in (ends, reversed(ends)):
            loop.add_reader(source, made.take, source, target)
        yield made
    finally:
        for end in ends:
            loop.remove_reader(end)
        await asyncio.sleep(made.delay)  # what is under way would be written to whatever has this number then
        for end in ends:
            os.close(end)
