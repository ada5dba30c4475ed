"""Steady, bounded traffic through the mesh, and what it showed in the last few seconds."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from statistics import median

from xds.app.demo.shop import Answer, Visitor

RATE = 50.0
"""Requests a second, of all visitors together."""

IN_FLIGHT = 12
"""Unanswered requests of one visitor to one service. Delayed ones fill it and are then left out, not piled up."""

WINDOW_SECONDS = 2.0
NOBODY = "anonymous"

_Call = Callable[[Visitor], Awaitable[Answer]]
_MIX: Sequence[tuple[str, _Call]] = (
    ("reviews", Visitor.reviews),
    ("details", Visitor.details),
    ("reviews", Visitor.reviews),
    ("ratings", Visitor.ratings),
    ("reviews", Visitor.reviews),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One answered request. at: when the answer came. version: who answered; empty, with an ``error``, if nobody did.

    remark: what was missing in an answer. proven: whether the service knew by a certificate who asked.
    """

    at: float
    user: str
    service: str
    version: str
    error: str
    seconds: float
    remark: str = ""
    proven: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """What one user got from one service.

    shares: of each version among the answers, most used first. remark: the last error, or else what was missing last.
    proven: whether all who answered knew by a certificate who asked.
    """

    user: str
    service: str
    shares: tuple[tuple[str, float], ...]
    rate: float
    error_rate: float
    median_seconds: float
    remark: str
    proven: bool = False


@dataclass(slots=True)
class Window:
    """The samples of the last seconds. All times are on `time.monotonic`."""

    seconds: float = WINDOW_SECONDS
    _samples: deque[Sample] = field(default_factory=deque)
    _known: set[tuple[str, str]] = field(default_factory=set)

    def add(self, sample: Sample) -> None:
        self._samples.append(sample)
        self._known.add((sample.user, sample.service))

    def rows(self, now: float) -> tuple[Row, ...]:
        """One row for each user and service that ever had samples, ordered by user and service."""
        while self._samples and self._samples[0].at < now - self.seconds:
            self._samples.popleft()
        groups: dict[tuple[str, str], list[Sample]] = {key: [] for key in sorted(self._known)}
        for sample in self._samples:
            groups[sample.user, sample.service].append(sample)
        return tuple(self._row(*key, samples) for key, samples in groups.items())

    def _row(self, user: str, service: str, samples: Sequence[Sample]) -> Row:
        if not samples:
            return Row(user, service, (), 0.0, 0.0, 0.0, f"no answer for {self.seconds:g} s")
        errors = [sample.error for sample in samples if sample.error]
        remarks = [sample.remark for sample in samples if sample.remark]
        versions = Counter(sample.version for sample in samples if not sample.error)
        return Row(
            user=user,
            service=service,
            shares=tuple((version, count / versions.total()) for version, count in versions.most_common()),
            rate=len(samples) / self.seconds,
            error_rate=len(errors) / len(samples),
            median_seconds=median(sample.seconds for sample in samples),
            remark=(errors or remarks or [""])[-1],
            proven=bool(versions) and all(sample.proven for sample in samples if not sample.error),
        )


class Traffic:
    """Visitors who keep asking."""

    def __init__(self, visitors: Iterable[Visitor], window: Window, rate: float = RATE) -> None:
        self._visitors = tuple(visitors)
        self._window = window
        self._pause = 1 / rate
        self._in_flight: Counter[tuple[str, str]] = Counter()

    async def run(self) -> None:
        """Sends requests at the rate until cancelled. A late one is not made up for."""
        turns = cycle((visitor, service, call) for service, call in _MIX for visitor in self._visitors)
        async with asyncio.TaskGroup() as group:
            for visitor, service, call in turns:
                if self._in_flight[_name(visitor), service] < IN_FLIGHT:
                    group.create_task(self._request(visitor, service, call))
                await asyncio.sleep(self._pause)

    async def _request(self, visitor: Visitor, service: str, call: _Call) -> None:
        name = _name(visitor)
        self._in_flight[name, service] += 1
        try:
            answer = await call(visitor)
        finally:
            self._in_flight[name, service] -= 1
        now, remark = time.monotonic(), _missing(answer)
        proven = bool(answer.caller)
        self._window.add(Sample(now, name, service, answer.version, answer.error, answer.seconds, remark, proven))


def _name(visitor: Visitor) -> str:
    return visitor.user or NOBODY


def _missing(answer: Answer) -> str:
    """Why an answer of reviews came without the stars that its version shows; empty if it did not."""
    part = answer.part
    failure = part and part.reviews and part.reviews.ratings.error
    return f"no stars: {failure.code} {failure.message}" if failure else ""
