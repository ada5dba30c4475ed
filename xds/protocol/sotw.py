"""One type on a state-of-the-world stream.

Listeners, clusters and scoped routes are always sent in full, because what is absent from a response is deleted; of
other types a response carries what changed, what was asked for anew, and what must be said again. A request that does
not answer the latest response is out of date: the client sent it before it saw that response, and will answer that
with all its names once more. Only the first request of a type is taken as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from xds.protocol.channel import Channel, Due
from xds.protocol.delivery import Sent
from xds.protocol.events import Current, Effect, Send, SotwRequest
from xds.protocol.framing import Batch, SotwBatch
from xds.protocol.interest import LEGACY_WILDCARD_TYPES
from xds.protocol.quarantine import Quarantine
from xds.protocol.shared import Shared
from xds.resources import Resource, ResourceSet, TypeUrl

FULL_STATE_TYPES = LEGACY_WILDCARD_TYPES
"""Types of which a response means: this is all there is."""


class SotwChannel(Channel[SotwRequest]):
    """See `Channel`. _brought: whether the client may have what it had on another stream.

    _doubtful: whether it is not known what it took in since it last accepted a response; _repeats: whether it must be
    told all once more because of that.
    """

    __slots__ = ("_brought", "_claimed", "_doubtful", "_full", "_repeats")

    def __init__(self, type_url: TypeUrl, shared: Shared) -> None:
        self._full = type_url in FULL_STATE_TYPES
        super().__init__(type_url, shared, Quarantine(keep_blind=self._full))
        self._claimed: str | None = None
        self._brought = False
        self._doubtful = False
        self._repeats = False

    def receive(self, request: SotwRequest, until: float) -> list[Effect]:
        if not self._started:
            return self._start(request)
        if request.nonce != self.delivery.nonce:
            return []
        effects = self._hear(request, until)
        before = self._interest_effect()
        change = self.interest.replace(request.names)
        self._new_names.update(dict.fromkeys(change.names))
        self._ask(*change)
        after = self._interest_effect()
        return effects if after == before else [*effects, after]

    def _start(self, request: SotwRequest) -> list[Effect]:
        """The first request of a stream. Its nonce and error are about another stream's responses."""
        self._started = True
        self._brought = bool(request.version)
        self._ask(*self.interest.replace(request.names))
        if self._full and self.interest.wildcard_only:
            self._claimed = request.version
        return [self._interest_effect()]

    def take_current(self) -> Current | None:
        """Whether a client that reconnected turned out to need nothing. Asked before `take`."""
        if self._target is None or self._claimed is None:
            return None
        claimed, self._claimed = self._claimed, None
        if not self.interest.wildcard_only or claimed != self._target.version:
            return None
        self.leases.renew(self._target.expiring)
        self._base, self._everything, self._brought = self._target, False, False
        return Current(self.type_url)

    @property
    def _has_more_to_say(self) -> bool:
        return self._everything or self._repeats or self._claimed is not None or bool(self._forced)

    def _is_blind(self, name: str) -> bool:
        return self._full and self._brought

    def _gone(self, sent: Sent) -> Sequence[str]:
        present = {resource.name for resource in sent.send.batch.resources}
        names = sent.before.names if self._full else ()
        return [name for name in names if name not in present and self.interest.covers(name)]

    def _doubt(self, names: Sequence[str]) -> None:
        self._doubtful = self._doubtful or bool(names)
        self._repeats = self._full and self._doubtful

    def _has_accepted(self, send: Send) -> None:
        self._brought = False
        self._doubtful = False

    def _difference(self, target: ResourceSet) -> Due | None:
        changed, removed = self._changes(target)
        renewed = self._renewed(target) if self.leases.due else ()
        asked = self._everything or self._repeats or bool(self._forced)
        self._repeats = False
        if self._full:
            return (self._all(target), changed) if changed or removed or asked or renewed else None
        if renewed:
            present = {resource.name for resource in changed}
            renewed = tuple(resource for resource in renewed if resource.name not in present)
        resources = (*changed, *renewed)
        return (self._shared.part(SotwBatch, self.type_url, resources), changed) if resources else None

    def _changes(self, target: ResourceSet) -> tuple[tuple[Resource, ...], bool]:
        """What is news to the client, and whether something that it has is gone."""
        if self._everything:
            return tuple(target), False
        diff = self._shared.diff(target, self._base)
        changed, removed = diff.changed, bool(diff.removed)
        if not self.interest.wildcard:
            names = self.interest.named
            changed = tuple(resource for resource in changed if resource.name in names)
            removed = any(name in names for name in diff.removed)
        return self._with_forced(changed, target), removed

    def _with_forced(self, changed: tuple[Resource, ...], target: ResourceSet) -> tuple[Resource, ...]:
        if not self._forced:
            return changed
        present = {resource.name for resource in changed}
        again = (target.get(name) for name in self._forced if name not in present and self.interest.covers(name))
        return (*changed, *(resource for resource in again if resource))

    def _all(self, target: ResourceSet) -> Batch:
        if self.interest.wildcard:
            return self._shared.full(SotwBatch, self.type_url, target)
        return self._shared.part(SotwBatch, self.type_url, self.interest.select(target))
