"""When to renew a certificate, and how long to wait after a failure. Pure: clock and randomness are parameters."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from xds.agent.identity.svid import Svid

JITTER: Final = 0.1
"""By which share of half a life a renewal may come early, so that not all come at once."""

FIRST_PAUSE: Final = timedelta(seconds=0.5)
LONGEST_PAUSE: Final = timedelta(seconds=30)

_DOUBLINGS: Final = 16


def renew_at(svid: Svid, fraction: float) -> datetime:
    """When half of its life is over, or a little earlier. fraction: from 0 to 1, drawn at random once for each."""
    half = (svid.not_after - svid.obtained) / 2
    return svid.obtained + half * (1 - JITTER * fraction)


def is_valid(svid: Svid, now: datetime) -> bool:
    """Whether others still take it."""
    return now < svid.not_after


def pause_after(failures: int, fraction: float, longest: timedelta = LONGEST_PAUSE) -> timedelta:
    """How long to wait after so many failures in a row (at least one): twice as long each time, up to a limit, of which
    half is left to chance. fraction: from 0 to 1, drawn at random."""
    full = min(FIRST_PAUSE * (1 << min(failures - 1, _DOUBLINGS)), longest)
    return full * (0.5 + 0.5 * fraction)
