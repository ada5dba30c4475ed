"""What one filter does with what comes to it."""

from __future__ import annotations

from dataclasses import dataclass

from xds.explain.result import Answered, Check, Ended, Policy
from xds.explain.stream import Stream


@dataclass(frozen=True, slots=True)
class Did:
    """stream: as it goes on. ends: what becomes of the share that gets no further; 1 is all."""

    stream: Stream
    ends: tuple[Answered | Ended, ...] = ()
    policies: tuple[Policy, ...] = ()
    checks: tuple[Check, ...] = ()
