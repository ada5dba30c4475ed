"""Which resources of one type a client will drop unless it hears of them again, and when it is to hear of them.

A client counts the time from when it last heard. It is told again long before the time is over, as what is due waits
for the answer to the response in flight. A change does not put that off: the client may reject the new version and go
on with the old one, whose time it counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from xds.protocol.framing import Batch
from xds.resources import Resource

_SHARE = 0.4
"""Of the TTL, after which the client is told again. Twice that is less than the whole."""


class Leases:
    """Of one type on one stream. due: the names to be sent again as soon as possible; deadline: when there are more."""

    __slots__ = ("_at", "deadline", "due")

    def __init__(self) -> None:
        self.due: dict[str, None] = {}
        self.deadline: float | None = None
        self._at: dict[str, float] = {}

    def sent(self, batch: Batch, now: float) -> None:
        """The client is told of these now."""
        if not (self._at or self.due or batch.expiring):
            return
        for name in (*(each.name for each in batch.resources if each.ttl is None), *batch.removed):
            self.due.pop(name, None)
            self._at.pop(name, None)
        for each in batch.expiring:
            at = now + _SHARE * _seconds(each.ttl)
            self._at[each.name] = min(at, self._at.get(each.name, at))
            self.due.pop(each.name, None)
        self._set_deadline()

    def renew(self, resources: Iterable[Resource]) -> None:
        """It is not known when the client last heard of these, so it is told again soon."""
        self.due.update((each.name, None) for each in resources if each.ttl is not None)

    def expire(self, now: float) -> None:
        """Time has passed."""
        if self.deadline is None or now < self.deadline:
            return
        for name in [name for name, at in self._at.items() if now >= at]:
            del self._at[name]
            self.due[name] = None
        self._set_deadline()

    def take_due(self) -> tuple[str, ...]:
        """The names to be sent now, which are not due any more."""
        names = tuple(self.due)
        self.due.clear()
        return names

    def _set_deadline(self) -> None:
        self.deadline = min(self._at.values(), default=None)


def _seconds(ttl: timedelta | None) -> float:
    return 0.0 if ttl is None else ttl.total_seconds()
