"""One stream's part in the convergence of changes: what it took, what it owes an answer for, what it rejected."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from xds.app.convergence_change import Change, Rejection
from xds.app.refusals import Refused
from xds.model.objects import ObjectKey
from xds.protocol import Nacked
from xds.resources import EMPTY_SNAPSHOT, Resource, Snapshot, TypeUrl
from xds.server import StreamStatus, SyncState


class Doubt(NamedTuple):
    """That a proxy rejected a response. suspects: what was new in it, and so may be why."""

    type_url: TypeUrl
    reason: str
    suspects: tuple[Resource, ...]
    at: float


@dataclass(slots=True, eq=False)
class Due:
    """A change that a proxy has not answered in full.

    types: those in which it gives the proxy something else. doubt: a rejection that may be about it; it is once the
    proxy goes on without the resource, and it is not if the proxy takes the resource in the end.
    """

    change: Change
    types: frozenset[TypeUrl]
    doubt: Doubt | None = None


@dataclass(slots=True)
class TrackedStream:
    """What is known of one stream. Times are epoch seconds.

    due: what it owes an answer for, oldest first; as bounded as the memory of changes. seen, latest: the newest
    generation that it took, and what it should have since. settled: the newest generation that it settled on. sent: by
    type, the generation that the last response belongs to. accepted: by type, when it last accepted all of a change.
    given: the newest generation that went to it; the same as ``seen`` unless what it takes is checked first, and then
    in_check has what is not through yet, with its generation. refused: what it is not given because of the check.
    """

    status: StreamStatus
    due: deque[Due]
    seen: int = 0
    latest: Snapshot = EMPTY_SNAPSHOT
    settled: int = 0
    sent: dict[TypeUrl, int] = field(default_factory=dict)
    accepted: dict[TypeUrl, float] = field(default_factory=dict)
    given: int = 0
    is_checked: bool = False
    in_check: dict[Snapshot, int] = field(default_factory=dict)
    refused: tuple[Refused, ...] = ()

    def takes(self, snapshot: Snapshot, generation: int) -> None:
        """There is something newer for it."""
        self.seen, self.latest = generation, snapshot
        if self.is_checked:
            self.in_check[snapshot] = generation
        else:
            self.given = generation

    def passes(self, snapshot: Snapshot) -> list[Due]:
        """What it took has been checked. Gives the changes that are due and through by now."""
        self.given = max(self.given, self.in_check.get(snapshot, 0))
        self.in_check = {other: number for other, number in self.in_check.items() if number > self.given}
        return [due for due in self.due if due.change.generation <= self.given]

    def owes(self, due: Due) -> bool:
        """Whether there is an answer to come. A client that subscribes to nothing of a type answers nothing."""
        if due.change.generation > self.settled:
            return True
        types = (self.status.types.get(type_url) for type_url in due.types)
        return any(each and each.state is SyncState.STALE and (each.names or each.wildcard) for each in types)

    def culprits(self, doubt: Doubt) -> list[Resource]:
        """Those of the suspects that the proxy goes on without; nothing as long as others are tried."""
        status = self.status.types[doubt.type_url]
        if status.state is not SyncState.ERROR:
            return []
        return [resource for resource in doubt.suspects if resource.name in status.quarantined]

    def answered(self, type_url: TypeUrl) -> list[Due]:
        """The due changes that an answer to the last response of this type is about."""
        sent = self.sent.get(type_url, 0)
        return [due for due in self.due if type_url in due.types and due.change.generation <= sent]

    def rejects(self, nacked: Nacked, at: float) -> None:
        """Put the changes in doubt that brought what is rejected, but not those that had it sent again unchanged."""
        news = tuple(resource for resource in nacked.suspects if _is_news(resource, self.status.snapshot))
        for due in self.answered(nacked.type_url) if news else ():
            due.doubt = Doubt(nacked.type_url, nacked.error.message, news, at)

    def goes_without(self, type_url: TypeUrl, key: ObjectKey) -> list[Resource]:
        """What is in quarantine of all that is made from this object."""
        found = (self.latest[type_url].get(name) for name in self.status.types[type_url].quarantined)
        return [resource for resource in found if resource and key in resource.origins]

    def is_refused(self, key: ObjectKey) -> list[Refused]:
        """What it is not given of all that is made from this object."""
        return [each for each in self.refused if key in each.resource.origins]

    def may_owe(self, change: Change | None) -> bool:
        """Also if it has never settled on anything, or not looked at the change yet."""
        if self.status.snapshot is None or (change is not None and self.seen < change.generation):
            return True
        return any(due.change is change for due in self.due)

    def stands_by(self, rejection: Rejection, key: ObjectKey) -> bool:
        """Until the object behind it changes; for others of the same change, until the proxy accepts a later one."""
        if rejection.proxy != self.status.proxy.id:
            return False
        about = {changed.key for changed in rejection.objects}
        return not about or key in about or self.accepted.get(rejection.type_url, 0.0) <= rejection.at


def brought(due: Due, culprits: Iterable[Resource]) -> list[ObjectKey]:
    """The objects behind the culprits that this change changed."""
    return [key for resource in culprits for key in resource.origins if key in due.change.changed]


def _is_news(resource: Resource, settled: Snapshot | None) -> bool:
    before = settled[resource.type_url].get(resource.name) if settled else None
    return before is None or before.version != resource.version
