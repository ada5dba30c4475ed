"""One type on a delta stream.

Every name that a request subscribes is answered, with the resource or, but for extensions, with its removal; a missing
one stays in the interest and is sent when it appears. Changes of the subscription count whatever response they answer.
The first request may say what the client has: only the difference is sent then, except for endpoints and secrets, which
a client in the middle of warming a cluster waits for although it has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from xds.protocol.channel import Channel, Due
from xds.protocol.delivery import Sent
from xds.protocol.doubts import NodeDoubts
from xds.protocol.events import Current, DeltaRequest, Effect, Send
from xds.protocol.framing import DeltaBatch
from xds.protocol.quarantine import Quarantine
from xds.protocol.shared import Shared
from xds.resources import ENDPOINT, SECRET, Resource, ResourceSet, TypeUrl
from xds.resources.names import canonical
from xds.resources.types import EXTENSION_CONFIG

ALWAYS_SENT_TYPES = frozenset({ENDPOINT, SECRET})
"""Types of which a reconnecting client's word that it has a resource does not mean that it can do without."""

NEVER_REMOVED_TYPES = frozenset({EXTENSION_CONFIG})
"""Types of which a client is not told that a name does not exist (any more). Envoy 1.40 would have listeners wait for
ever for such an extension, and take it from the connections of listeners that are on their way out."""

_NONE: frozenset[str] = frozenset()
"""One for all: most channels never have any, and an empty set of its own takes 216 bytes."""


class DeltaChannel(Channel[DeltaRequest]):
    """See `Channel`.

    _unknown: names under which the client brought along what is not known here. _leftover: what it may have, is to
    drop, but may still need. _unknown_aliases: to be said to be unknown, where there are aliases.
    """

    __slots__ = ("_claimed", "_doubts", "_leftover", "_unknown", "_unknown_aliases")

    def __init__(self, type_url: TypeUrl, shared: Shared, doubts: NodeDoubts) -> None:
        super().__init__(type_url, shared, Quarantine())
        self._doubts = doubts
        self._claimed: Mapping[str, str] | None = None
        self._unknown: AbstractSet[str] = _NONE
        self._leftover: dict[str, None] = {}
        self._unknown_aliases: tuple[str, ...] = ()

    def receive(self, request: DeltaRequest, until: float) -> list[Effect]:
        if not self._started:
            return self._start(request)
        effects = self._hear(request, until)
        if request.subscribe or request.unsubscribe:
            self._new_names.update((name, None) for name in request.subscribe if not self.interest.covers(name))
            self._ask(*self.interest.change(request.subscribe, request.unsubscribe))
            effects.append(self._interest_effect())
        return effects

    def _start(self, request: DeltaRequest) -> list[Effect]:
        self._started = True
        self._ask(*self.interest.begin(request.subscribe))
        self._claimed = _canonical(request.initial_versions)
        return [self._interest_effect()]

    @property
    def holds_back(self) -> bool:
        return bool(self._leftover)

    def take_current(self) -> Current | None:
        """Whether a client that reconnected turned out to need nothing. Asked before `take`."""
        if self._target is None or self._claimed is None:
            return None
        target, claimed, self._claimed = self._target, self._claimed, None
        if self.interest.globs:
            self._expand_globs(target)
        doubtful = self._doubts.names(self.type_url, claimed)
        self._leftover = dict.fromkeys(name for name in (*claimed, *doubtful) if name not in target)
        unknown = {name for name, version in claimed.items() if not _is_at(version, target.get(name))}
        self._unknown = (unknown | doubtful) or _NONE
        if not claimed or self.type_url in ALWAYS_SENT_TYPES:
            return None
        certain = {name: version for name, version in claimed.items() if name not in doubtful} if doubtful else claimed
        has = ResourceSet.of(each for each in target if certain.get(each.name) == each.version)
        self._base = target if len(has) == len(target) else has
        self.leases.renew(self._base.expiring)
        self._everything = False
        self._forced = {name: None for name in self._forced if name not in target}
        lacks = any(self.interest.covers(each.name) and each.name not in has for each in target)
        return None if lacks or self._forced or self._leftover else Current(self.type_url)

    @property
    def _has_more_to_say(self) -> bool:
        asked = self._everything or self._claimed is not None
        return asked or bool(self._forced or self._leftover or self._unknown_aliases)

    def _difference(self, target: ResourceSet) -> Due | None:
        changed, gone = self._changes(target)
        everything = self._everything
        removed = self._removals(gone, target)
        changed, removed = self._with_forced(changed, removed, target)
        removed = () if self.type_url in NEVER_REMOVED_TYPES else removed
        heartbeats = self._heartbeats(changed, removed, target) if self.leases.due or self._unknown_aliases else ()
        if everything and not removed and len(changed) == len(target):  # and so there are no heartbeats
            batch = self._shared.full(DeltaBatch, self.type_url, target)
            return batch, batch.resources
        if not (changed or removed or heartbeats or everything):
            return None
        batch = self._shared.part(DeltaBatch, self.type_url, changed, removed, heartbeats)
        return batch, batch.resources

    def _heartbeats(
        self, changed: tuple[Resource, ...], removed: tuple[str, ...], target: ResourceSet
    ) -> tuple[Resource, ...]:
        """What is said without a body, beside these."""
        renewed = self._renewed(target)
        if not renewed:
            return ()
        present = {resource.name for resource in changed}
        return tuple(resource for resource in renewed if resource.name not in present)

    def _changes(self, target: ResourceSet) -> tuple[tuple[Resource, ...], tuple[str, ...]]:
        diff = self._shared.diff(target, self._base)
        if self._everything:
            return tuple(target), diff.removed
        if self.interest.wildcard:
            return diff.changed, diff.removed
        names = self.interest.named
        return (
            tuple(resource for resource in diff.changed if resource.name in names),
            tuple(name for name in diff.removed if name in names),
        )

    def _removals(self, gone: tuple[str, ...], target: ResourceSet) -> tuple[str, ...]:
        """Which removals to send now. What something in force may need is kept in mind until nothing does."""
        if not self._may_remove:
            self._leftover.update(dict.fromkeys(gone))
            return ()
        if not self._leftover:
            return gone
        leftover = {**dict.fromkeys(gone), **self._leftover}
        self._leftover = dict.fromkeys(name for name in leftover if self.quarantine.is_blind_to(name))
        return tuple(
            name for name in leftover if not (name in target or name in self._leftover) and self.interest.covers(name)
        )

    def _with_forced(
        self, changed: tuple[Resource, ...], removed: tuple[str, ...], target: ResourceSet
    ) -> tuple[tuple[Resource, ...], tuple[str, ...]]:
        if not self._forced:
            return changed, removed
        said = {*(resource.name for resource in changed), *removed}
        wildcard, wanted = self.interest.wildcard, self.interest.named
        names = [name for name in self._forced if name not in said and (wildcard or name in wanted)]
        found = tuple(resource for name in names if (resource := target.get(name)))
        missing = (name for name in names if not (name in target or self.quarantine.is_blind_to(name)))
        return (*changed, *found), (*removed, *missing)

    def _is_blind(self, name: str) -> bool:
        return name in self._unknown

    def _gone(self, sent: Sent) -> Sequence[str]:
        return sent.send.batch.removed

    def _doubt(self, names: Sequence[str]) -> None:
        self._leftover.update((name, None) for name in names if name not in self._base)
        self._doubts.add(self.type_url, tuple((name, "") for name in names))

    def close(self) -> None:
        """The stream has ended."""
        unanswered = self.delivery.unanswered
        if unanswered is not None:
            self._doubts.add(self.type_url, unanswered.batch.contents)

    def _has_accepted(self, send: Send) -> None:
        self._doubts.settle(self.type_url, send.batch)
        if self._unknown:
            self._unknown -= {*(resource.name for resource in send.batch.resources), *send.batch.removed}
            self._unknown = self._unknown or _NONE


def _canonical(versions: Mapping[str, str]) -> Mapping[str, str]:
    return {canonical(name): version for name, version in versions.items()}


def _is_at(version: str, resource: Resource | None) -> bool:
    return resource is not None and resource.version == version
