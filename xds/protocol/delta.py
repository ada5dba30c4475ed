"""One type on a delta stream.

Every name that a request subscribes is answered, with the resource or with its removal; a missing one stays in the
interest and is sent when it appears. Changes of the subscription count whatever response they answer. The first request
may say what the client has: only the difference is sent then, except for endpoints and secrets, which a client in the
middle of warming a cluster waits for although it has them.
"""

from __future__ import annotations

from collections.abc import Mapping

from xds.protocol.channel import Channel, Due
from xds.protocol.events import Current, DeltaRequest, Effect
from xds.protocol.framing import DeltaBatch
from xds.protocol.shared import Shared
from xds.resources import ENDPOINT, SECRET, Resource, ResourceSet, TypeUrl

ALWAYS_SENT_TYPES = frozenset({ENDPOINT, SECRET})
"""Types of which a reconnecting client's word that it has a resource does not mean that it can do without."""


class DeltaChannel(Channel[DeltaRequest]):
    """See `Channel`."""

    def __init__(self, type_url: TypeUrl, shared: Shared) -> None:
        super().__init__(type_url, shared)
        self._claimed: Mapping[str, str] | None = None

    def receive(self, request: DeltaRequest, deadline: float) -> list[Effect]:
        if not self._started:
            return self._start(request)
        effects = self._hear(request, deadline)
        if request.subscribe or request.unsubscribe:
            self._ask(*self.interest.change(request.subscribe, request.unsubscribe))
            effects.append(self._interest_effect())
        return effects

    def _start(self, request: DeltaRequest) -> list[Effect]:
        self._started = True
        self._ask(*self.interest.begin(request.subscribe))
        self._claimed = request.initial_versions
        return [self._interest_effect()]

    def take_current(self) -> Current | None:
        """Whether a client that reconnected turned out to need nothing. Asked before `take`."""
        if self._target is None or self._claimed is None:
            return None
        claimed, self._claimed = self._claimed, None
        if not claimed:
            return None
        asked = [*self._forced, *(self._target.names if self._everything else ())]
        self._everything = False
        self._forced = {name: None for name in asked if self._needs(name, self._target, claimed)}
        self._forced.update((name, None) for name in claimed if name not in self._target and self.interest.covers(name))
        self._base = self._target
        return None if self._forced else Current(self.type_url)

    def _needs(self, name: str, target: ResourceSet, claimed: Mapping[str, str]) -> bool:
        resource = target.get(name)
        return resource is None or self.type_url in ALWAYS_SENT_TYPES or claimed.get(name) != resource.version

    def _difference(self, target: ResourceSet) -> Due | None:
        if self._everything and not self._forced:
            return self._all(target)
        changed, removed = self._with_extras(*self._changes(target), target)
        if not changed and not removed and not self._everything:
            return None
        return self._shared.part(DeltaBatch, self.type_url, changed, removed), changed

    def _all(self, target: ResourceSet) -> Due:
        """Everything; of no resources too, because a client waits for the answer to a wildcard."""
        removed = tuple(name for name in self._base.names if name not in target)
        if removed:
            batch = self._shared.part(DeltaBatch, self.type_url, tuple(target), removed)
        else:
            batch = self._shared.full(DeltaBatch, self.type_url, target)
        return batch, batch.resources

    def _changes(self, target: ResourceSet) -> tuple[tuple[Resource, ...], tuple[str, ...]]:
        if self._everything:
            batch, changed = self._all(target)
            return changed, batch.removed
        diff = self._shared.diff(target, self._base)
        if self.interest.wildcard:
            return diff.changed, diff.removed
        names = self.interest.names
        return (
            tuple(resource for resource in diff.changed if resource.name in names),
            tuple(name for name in diff.removed if name in names),
        )

    def _with_extras(
        self, changed: tuple[Resource, ...], removed: tuple[str, ...], target: ResourceSet
    ) -> tuple[tuple[Resource, ...], tuple[str, ...]]:
        extras = self._extras(bool(changed or removed))
        if not extras:
            return changed, removed
        said = {*(resource.name for resource in changed), *removed}
        names = [name for name in extras if name not in said and self.interest.covers(name)]
        found = tuple(resource for name in names if (resource := target.get(name)))
        missing = tuple(name for name in names if name not in target)
        return (*changed, *found), (*removed, *missing)
