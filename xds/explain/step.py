"""What one filter does with what comes to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from xds.explain.result import Answered, Check, Ended, Policy
from xds.explain.stream import Stream


@dataclass(frozen=True, slots=True)
class Did:
    """stream: as it goes on. ends: what becomes of the share that gets no further; 1 is all. reroutes: whether a route
    is chosen anew for what goes on."""

    stream: Stream
    ends: tuple[Answered | Ended, ...] = ()
    policies: tuple[Policy, ...] = ()
    checks: tuple[Check, ...] = ()
    reroutes: bool = False


def left_after(ends: Iterable[Answered | Ended]) -> float:
    """0 to 1: the share that these leave to go on. What is subject to a condition leaves everything."""
    return max(0.0, 1.0 - sum(end.share for end in ends if not end.condition))
