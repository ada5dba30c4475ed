"""When an Envoy that has ended is started again: a pure decision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

FIRST_SECONDS: Final = 0.5
MOST_SECONDS: Final = 30.0
STABLE_SECONDS: Final = 60.0
"""An Envoy that ran for so long was a good one: what comes after it begins anew."""

FAILURES_AT_START: Final = 6
"""So many in a row, none of which ever served, and nobody expects the next to."""


@dataclass(frozen=True, slots=True)
class Ended:
    """An Envoy that is no more. seconds: for which it ran. served: it was ready at some time."""

    seconds: float
    served: bool


@dataclass(frozen=True, slots=True)
class Restarts:
    """What is known of those before. failures: in a row since a stable one. served: one of them was ready."""

    failures: int = 0
    served: bool = False

    def after(self, ended: Ended) -> Restarts:
        """With one more."""
        failures = 1 if ended.seconds >= STABLE_SECONDS else self.failures + 1
        return replace(self, failures=failures, served=self.served or ended.served)

    @property
    def hopeless(self) -> bool:
        """Whether to give up. One that has served is worth waiting for, whatever takes it down now."""
        return not self.served and self.failures >= FAILURES_AT_START

    @property
    def delay(self) -> float:
        """Seconds until the next is started: twice as long each time."""
        doublings = min(max(self.failures - 1, 0), 16)
        return float(min(FIRST_SECONDS * 2**doublings, MOST_SECONDS))
