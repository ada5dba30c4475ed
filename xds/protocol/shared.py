"""What streams that move from the same state to the same state have in common, worked out once.

A bounded memory of pure functions of immutable values. Forgetting an entry costs time, never correctness.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeVar

from xds.protocol.framing import Batch
from xds.resources import Resource, ResourceSet, TypeUrl
from xds.resources.snapshot import Diff

V = TypeVar("V")

Swaps = tuple[tuple[str, Resource | None], ...]
"""By name, what takes its place; None: nothing does."""

_NOTHING = Diff((), ())


class _Recent(Generic[V]):
    """The results of the last calls, by key."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._values: OrderedDict[Hashable, V] = OrderedDict()

    def __call__(self, key: Hashable, make: Callable[[], V]) -> V:
        known = self._values.get(key)
        if known is not None:
            self._values.move_to_end(key)
            return known
        value = self._values[key] = make()
        if len(self._values) > self._capacity:
            self._values.popitem(last=False)
        return value


class Shared:
    """One for all streams of a server. capacity: how many results of each kind are remembered."""

    def __init__(self, capacity: int = 64) -> None:
        self._diffs = _Recent[Diff](capacity)
        self._unions = _Recent[ResourceSet](capacity)
        self._swapped = _Recent[ResourceSet](capacity)
        self._batches = _Recent[Batch](capacity)
        self._names = _Recent[Mapping[str, None]](capacity)

    def diff(self, new: ResourceSet, old: ResourceSet) -> Diff:
        """`ResourceSet.diff`."""
        if new is old:
            return _NOTHING
        return self._diffs((new, old), lambda: new.diff(old))

    def union(self, new: ResourceSet, old: ResourceSet) -> ResourceSet:
        """``new`` and whatever only ``old`` has; ``new`` itself if that is nothing."""
        if new is old:
            return new
        return self._unions((new, old), lambda: _union(new, old))

    def swap(self, base: ResourceSet, swaps: Swaps) -> ResourceSet:
        """``base`` with these resources in place of its own; ``base`` itself if there are none."""
        return self._swapped((base, swaps), lambda: _swap(base, swaps)) if swaps else base

    def names(self, names: dict[str, None]) -> Mapping[str, None]:
        """Equal names in the same order, as one object: streams subscribe the same by the hundred."""
        return self._names(tuple(names), lambda: names)

    def full(self, kind: type[Batch], type_url: TypeUrl, resources: ResourceSet) -> Batch:
        """A response with all of a set; its version is the set's."""
        key = (kind, type_url, resources)
        return self._batches(key, lambda: kind(type_url, tuple(resources), version=resources.version))

    def part(
        self,
        kind: type[Batch],
        type_url: TypeUrl,
        resources: tuple[Resource, ...],
        removed: tuple[str, ...] = (),
        heartbeats: tuple[Resource, ...] = (),
    ) -> Batch:
        """A response with these resources, removals and heartbeats."""
        key = (kind, type_url, resources, removed, heartbeats)
        return self._batches(key, lambda: kind(type_url, resources, removed, heartbeats=heartbeats))


def _union(new: ResourceSet, old: ResourceSet) -> ResourceSet:
    only_old = [resource for resource in old if resource.name not in new]
    return ResourceSet.of((*new, *only_old)) if only_old else new


def _swap(base: ResourceSet, swaps: Swaps) -> ResourceSet:
    resources = {resource.name: resource for resource in base}
    for name, resource in swaps:
        if resource is None:
            resources.pop(name, None)
        else:
            resources[name] = resource
    return ResourceSet(resources)
