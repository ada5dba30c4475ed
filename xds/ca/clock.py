"""What time it is, and what time it may be: a clock that somebody has set may be right now, or may have been before.

What is made while that is not known has to be good either way: certificates begin to hold at the earlier time and end
at the later one, and what is removed for good is what is over either way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

Clock = Callable[[], datetime]

DOUBT: Final = timedelta(hours=24)
"""How long after it was set a clock is doubted; it is believed then."""

MOST_AHEAD: Final = timedelta(days=7)
"""How much later than the clock says it may be at most, so that nothing holds for much longer than it should."""

_NOTICED: Final = timedelta(minutes=1)
"""Less is set all the time, and is what certificates are backdated for."""


@dataclass(frozen=True, slots=True)
class Moment:
    """now: by the clock. earliest, latest: between what it is, the same as now unless the clock is doubted."""

    now: datetime
    earliest: datetime
    latest: datetime

    @classmethod
    def at(cls, now: datetime) -> Moment:
        """One of which there is no doubt."""
        return cls(now, now, now)


class Moments:
    """Gives the present one. wall: a clock that may be set. elapsed: seconds that nobody can set, also while a machine
    sleeps."""

    def __init__(self, wall: Clock, elapsed: Callable[[], float]) -> None:
        self._wall = wall
        self._elapsed = elapsed
        self._believed = wall() - timedelta(seconds=elapsed())
        self._doubted_since: float | None = None

    def __call__(self) -> Moment:
        """Of now."""
        now, elapsed = self._wall(), self._elapsed()
        other = self._believed + timedelta(seconds=elapsed)
        if self._is_believed(abs(now - other), elapsed):
            self._believed, self._doubted_since = now - timedelta(seconds=elapsed), None
            return Moment.at(now)
        return Moment(now, min(now, other), min(max(now, other), now + MOST_AHEAD))

    def _is_believed(self, difference: timedelta, elapsed: float) -> bool:
        if difference < _NOTICED:
            return True
        if self._doubted_since is None:
            self._doubted_since = elapsed
        return elapsed - self._doubted_since >= DOUBT.total_seconds()
