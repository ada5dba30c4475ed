"""The metrics of Envoy, of the application and of the agent, one after the other, as they come.

A part that cannot be had, or only half of it, ends behind its last whole line; the others are not touched by that, and
it is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

import structlog

from xds.agent.http.client import HttpError, Target, ask
from xds.agent.status.exposition import LineError, WholeLines

PART_SECONDS: Final = 4.0
"""For one part: Prometheus gives ten for all of them, unless it is told otherwise."""

MAX_PART: Final = 256 << 20
"""Bytes of one part."""

_TEXT_ONLY: Final = {"accept": "text/plain;version=0.0.4"}

_log = structlog.get_logger("xds.agent")


@dataclass(frozen=True, slots=True)
class Part:
    """name: ``envoy`` or ``application``. clean: takes and gives whole lines."""

    name: str
    target: Target
    path: str
    clean: Callable[[bytes], bytes]


class Merged:
    """failures: of parts, by name."""

    def __init__(self, parts: tuple[Part, ...], own: Callable[[], str]) -> None:
        """own: the agent's metrics, asked for at last, so that they count what went wrong before."""
        self._parts = parts
        self._own = own
        self.failures: Counter[str] = Counter({part.name: 0 for part in parts})
        self._said: dict[str, str] = {}

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """All metrics, in pieces of whole lines."""
        for part in self._parts:
            try:
                async with aclosing(_lines(part)) as pieces:
                    async for lines in pieces:
                        yield lines
                self._said.pop(part.name, None)
            except (HttpError, LineError) as error:
                self._failed(part, str(error))
        yield self._own().encode()

    def _failed(self, part: Part, reason: str) -> None:
        self.failures[part.name] += 1
        if self._said.get(part.name) != reason:
            _log.warning("metrics are missing", of=part.name, url=f"http://{part.target}{part.path}", reason=reason)
        self._said[part.name] = reason


async def _lines(part: Part) -> AsyncGenerator[bytes, None]:
    """Raises HttpError and LineError."""
    whole, size = WholeLines(), 0
    async with ask(part.target, part.path, PART_SECONDS, headers=_TEXT_ONLY) as answer:
        if answer.status != 200:
            raise HttpError(f"the answer is {answer.status}")
        async for chunk in answer.chunks():
            size += len(chunk)
            if size > MAX_PART:
                raise HttpError(f"there are more than {MAX_PART} bytes")
            if lines := part.clean(whole.feed(chunk)):
                yield lines
        if lines := part.clean(whole.end()):
            yield lines
