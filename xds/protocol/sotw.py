"""One type on a state-of-the-world stream.

Listeners, clusters and scoped routes are always sent in full, because what is absent from a response is deleted; of
other types a response carries what changed, what was asked for anew, and what must be said again. A request that does
not answer the latest response is out of date: the client sent it before it saw that response, and will answer that
with all its names once more. Only the first request of a type is taken as it is.
"""

from __future__ import annotations

from xds.protocol.channel import Channel, Due
from xds.protocol.events import Acked, Current, Effect, SotwRequest
from xds.protocol.framing import Batch, SotwBatch
from xds.protocol.interest import LEGACY_WILDCARD_TYPES
from xds.protocol.shared import Shared
from xds.resources import Resource, ResourceSet, TypeUrl

FULL_STATE_TYPES = LEGACY_WILDCARD_TYPES
"""Types of which a response means: this is all there is."""


class SotwChannel(Channel[SotwRequest]):
    """See `Channel`."""

    def __init__(self, type_url: TypeUrl, shared: Shared) -> None:
        super().__init__(type_url, shared)
        self._claimed: str | None = None
        self._full = type_url in FULL_STATE_TYPES

    def receive(self, request: SotwRequest, deadline: float) -> list[Effect]:
        if not self._started:
            return self._start(request)
        if request.nonce != self.delivery.nonce:
            return []
        effects = self._hear(request, deadline)
        if self._full and any(isinstance(effect, Acked) for effect in effects):
            self.delivery.refused.clear()
        before = self._interest_effect()
        self._ask(*self.interest.replace(request.names))
        after = self._interest_effect()
        return effects if after == before else [*effects, after]

    def _start(self, request: SotwRequest) -> list[Effect]:
        """The first request of a stream. Its nonce and error are about another stream's responses."""
        self._started = True
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
        self._base, self._everything = self._target, False
        return Current(self.type_url)

    def _difference(self, target: ResourceSet) -> Due | None:
        changed, removed = self._changes(target)
        asked = self._everything or bool(self._forced)
        if self._full:
            return (self._all(target), changed) if changed or removed or asked else None
        return (self._shared.part(SotwBatch, self.type_url, changed), changed) if changed else None

    def _changes(self, target: ResourceSet) -> tuple[tuple[Resource, ...], bool]:
        """What is news to the client, and whether something that it has is gone."""
        if self._everything:
            return tuple(target), False
        diff = self._shared.diff(target, self._base)
        changed, removed = diff.changed, bool(diff.removed)
        if not self.interest.wildcard:
            names = self.interest.names
            changed = tuple(resource for resource in changed if resource.name in names)
            removed = any(name in names for name in diff.removed)
        return self._with_extras(changed, removed, target), removed

    def _with_extras(self, changed: tuple[Resource, ...], removed: bool, target: ResourceSet) -> tuple[Resource, ...]:
        extras = self._extras(bool(changed) or removed)
        if not extras:
            return changed
        present = {resource.name for resource in changed}
        again = (target.get(name) for name in extras if name not in present and self.interest.covers(name))
        return (*changed, *(resource for resource in again if resource))

    def _all(self, target: ResourceSet) -> Batch:
        if self.interest.wildcard:
            return self._shared.full(SotwBatch, self.type_url, target)
        wanted = tuple(resource for name in self.interest.names if (resource := target.get(name)))
        return self._shared.part(SotwBatch, self.type_url, wanted)
