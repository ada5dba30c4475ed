"""Groups of resources to the set of all of them."""

from __future__ import annotations

from dataclasses import dataclass

from xds.pipeline.contribution import Resources
from xds.resources import EMPTY_SET, Resource, ResourceSet, TypeUrl


@dataclass(frozen=True, slots=True, eq=False)
class Merged:
    """collisions: names that a later group claims again, in vain."""

    set: ResourceSet
    collisions: tuple[str, ...]


class Merger:
    """Merges the groups of one type. For the same groups the outcome is the same, but it comes cheaper the more of
    them the groups before had, which are therefore remembered."""

    def __init__(self) -> None:
        self._last = EMPTY_SET

    def __call__(self, *groups: Resources) -> Merged:
        self._last = self._last.regrouped(tuple(group.by_name for group in groups))
        if len(self._last) == sum(len(group.resources) for group in groups):
            return Merged(self._last, ())
        by_name: dict[str, Resource] = {}
        resources = [resource for group in groups for resource in group.resources]
        collisions = tuple(r.name for r in resources if by_name.setdefault(r.name, r) is not r)
        return Merged(ResourceSet(by_name), collisions)


class Mergers(dict[TypeUrl, Merger]):
    """One for each type."""

    def __missing__(self, type_url: TypeUrl) -> Merger:
        return self.setdefault(type_url, Merger())
