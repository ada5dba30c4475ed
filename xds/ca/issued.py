"""The newest certificate that each identity was given: who renews in time, and who still has one of an old authority.
Pure but for its memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from xds.ca.authority import Authority, Issued
from xds.model.identity import SpiffeId

REMEMBERED: Final = 100_000
"""Identities. Whoever has not had a new one for longest is forgotten."""

LAST_PART: Final = 0.2
"""What is left of a life when it is time to say so."""


@dataclass(frozen=True, slots=True)
class Newest:
    """authority: the id of the one that has signed. begins: when it was issued."""

    identity: SpiffeId
    authority: str
    begins: datetime
    ends: datetime

    def state(self, now: datetime) -> str:
        """``valid``, ``expiring`` (in the last fifth of its life) or ``expired``."""
        if now >= self.ends:
            return "expired"
        return "expiring" if self.ends - now <= (self.ends - self.begins) * LAST_PART else "valid"


class IssuedCertificates:
    """Remembers what was issued since the start. Of workloads that share an identity it knows the newest only."""

    def __init__(self) -> None:
        self._newest: OrderedDict[SpiffeId, Newest] = OrderedDict()

    def add(self, issued: Issued, authority: Authority) -> None:
        """A certificate was given to somebody."""
        leaf = issued.certificate
        self._newest.pop(issued.identity, None)
        self._newest[issued.identity] = Newest(
            issued.identity, authority.id, leaf.not_valid_before_utc, leaf.not_valid_after_utc
        )
        if len(self._newest) > REMEMBERED:
            self._newest.popitem(last=False)

    def of(self, identity: SpiffeId) -> Newest | None:
        """None if it was given none since the start."""
        return self._newest.get(identity)

    def of_all(self, identities: Iterable[SpiffeId]) -> Iterator[Newest]:
        """Of those that were given any, those that end first before the others."""
        found = (self._newest[identity] for identity in set(identities) if identity in self._newest)
        return iter(sorted(found, key=lambda newest: (newest.ends, newest.identity)))

    def below(self, authority: str) -> tuple[SpiffeId, ...]:
        """Whose newest certificate an authority has signed, by its id."""
        return tuple(newest.identity for newest in self._newest.values() if newest.authority == authority)
