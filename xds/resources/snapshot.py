"""All resources of a proxy at one moment."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from xds.resources.aliases import Aliases
from xds.resources.names import collection_of
from xds.resources.resource import Resource
from xds.resources.types import TypeUrl


class Diff(NamedTuple):
    """What a client that has one set must be told to have another."""

    changed: tuple[Resource, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.changed or self.removed)


class ResourceSet:
    """The resources of one type, by name. Immutable.

    groups: the same resources in groups without a name in common. Sets that share a group need not look into it to
    tell how they differ.
    """

    def __init__(self, resources: dict[str, Resource], groups: tuple[Mapping[str, Resource], ...] = ()) -> None:
        self._by_name = resources
        self._groups = groups or (resources,)

    @classmethod
    def of(cls, resources: Iterable[Resource]) -> ResourceSet:
        """A set of these resources; of two with one name the last counts."""
        return cls({resource.name: resource for resource in resources})

    def regrouped(self, groups: tuple[Mapping[str, Resource], ...]) -> ResourceSet:
        """A set of all resources of ``groups``; where several have a name, the last of them counts.

        What it has in common with this set is not gone through again, and makes no other difference.
        """
        after = ResourceSet(self._by_name.copy(), groups)
        added: dict[str, Resource] = {}
        for group in after._groups_not_in(self):
            added.update(group)
        gone = [name for group in self._groups_not_in(after) for name in group if name not in added]
        for name in gone:
            after._by_name.pop(name, None)
        after._by_name.update(added)
        if len(after) == sum(map(len, groups)):
            return after
        return ResourceSet.of(resource for group in groups for resource in group.values())

    def get(self, name: str) -> Resource | None:
        return self._by_name.get(name)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    @property
    def names(self) -> Iterable[str]:
        return self._by_name.keys()

    @cached_property
    def version(self) -> str:
        """16 hex characters over the names and versions of all resources, in any order of insertion."""
        digest = hashlib.blake2b(digest_size=8)
        for name in sorted(self._by_name):
            digest.update(f"{name}\0{self._by_name[name].version}\0".encode())
        return digest.hexdigest()

    @cached_property
    def aliases(self) -> Aliases:
        """The aliases of all resources."""
        return Aliases(self)

    @cached_property
    def collections(self) -> Mapping[str, tuple[Resource, ...]]:
        """By the name of a glob collection, what is in it."""
        collections: dict[str, list[Resource]] = {}
        for resource in self:
            glob = collection_of(resource.name)
            if glob is not None:
                collections.setdefault(glob, []).append(resource)
        return {glob: tuple(members) for glob, members in collections.items()}

    @cached_property
    def expiring(self) -> tuple[Resource, ...]:
        """Those that have a TTL."""
        return tuple(resource for resource in self if resource.ttl is not None)

    def diff(self, old: ResourceSet) -> Diff:
        """What changed from ``old`` to this set. What they share costs one look-up per group."""
        if self is old:
            return Diff((), ())
        before, now = old._by_name, self._by_name
        changed = tuple(
            resource
            for group in self._groups_not_in(old)
            for name, resource in group.items()
            if (was := before.get(name)) is not resource and (was is None or was.version != resource.version)
        )
        removed = tuple(name for group in old._groups_not_in(self) for name in group if name not in now)
        return Diff(changed, removed)

    def _groups_not_in(self, other: ResourceSet) -> Iterator[Mapping[str, Resource]]:
        shared = set(map(id, other._groups))
        return (group for group in self._groups if id(group) not in shared)


EMPTY_SET = ResourceSet({})


class Snapshot:
    """The resource sets of every type that a proxy has. Immutable."""

    def __init__(self, sets: Mapping[TypeUrl, ResourceSet]) -> None:
        self._sets = sets

    def __getitem__(self, type_url: TypeUrl) -> ResourceSet:
        """The set of this type; empty if there is none."""
        return self._sets.get(type_url, EMPTY_SET)

    def __iter__(self) -> Iterator[TypeUrl]:
        return iter(self._sets)

    @property
    def types(self) -> Iterable[TypeUrl]:
        return self._sets.keys()


EMPTY_SNAPSHOT = Snapshot({})
