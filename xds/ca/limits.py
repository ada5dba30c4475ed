"""How often one identity may ask: a bucket of tokens for each, which fills again with time. Pure but for its memory."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

from xds.model.identity import SpiffeId

BURST: Final = 60
"""Certificates that one identity may have at once: a deployment of that many pods that start together."""

REFILL: Final = timedelta(seconds=1)
"""After how long it may have one more."""

_REMEMBERED: Final = 100_000


class RateLimit:
    """burst: how many at once. refill: how long until one more. Forgets whoever has not asked for longest."""

    def __init__(self, burst: int = BURST, refill: timedelta = REFILL) -> None:
        self._burst = burst
        self._refill = refill
        self._buckets: OrderedDict[SpiffeId, tuple[float, datetime]] = OrderedDict()

    def allows(self, identity: SpiffeId, now: datetime) -> bool:
        """Whether it may have one now, which is then counted."""
        left, at = self._buckets.pop(identity, (float(self._burst), now))
        left = min(float(self._burst), left + max(timedelta(), now - at) / self._refill)
        allowed = left >= 1
        self._buckets[identity] = (left - 1 if allowed else left, now)
        if len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        return allowed
