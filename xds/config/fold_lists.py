"""Which endpoints are listed for Kubernetes Services (EndpointSlice, Endpoints), and which Pods they refer to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from xds.config.drafts import Draft, SetDraft
from xds.config.objects import EndpointList
from xds.model.objects import ObjectKey

Change: TypeAlias = tuple[EndpointList | None, EndpointList | None]
"""A list as it was and as it is; None where there is none."""


class ServiceName(NamedTuple):
    """A Kubernetes Service, whether it exists or not."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class ListIndex:
    """All endpoint lists.

    lists: by service, EndpointSlices first, as Endpoints only repeat them where both exist. referrers: by Pod, the
    services with a list that refers to it.
    """

    lists: Mapping[ServiceName, tuple[EndpointList, ...]] = field(default_factory=dict)
    referrers: Mapping[ObjectKey, AbstractSet[ServiceName]] = field(default_factory=dict)

    def update(self, changes: Iterable[Change]) -> tuple[ListIndex, set[ServiceName]]:
        """The index after ``changes``, and the services that these touch."""
        lists = Draft(self.lists)
        touched: set[ServiceName] = set()
        for old, new in changes:
            if old is not None:
                name = _name(old)
                touched.add(name)
                lists.set(name, tuple(each for each in lists.get(name) or () if each is not old) or None)
            if new is not None:
                name = _name(new)
                touched.add(name)
                lists.set(name, tuple(sorted((*(lists.get(name) or ()), new), key=_order)))
        if not touched:
            return self, touched
        after = lists.done()
        return ListIndex(after, self._referrers(after, touched)), touched

    def _referrers(
        self, after: Mapping[ServiceName, tuple[EndpointList, ...]], touched: set[ServiceName]
    ) -> Mapping[ObjectKey, AbstractSet[ServiceName]]:
        referrers = SetDraft(self.referrers)
        for name in touched:
            before, now = _pods(self.lists.get(name, ())), _pods(after.get(name, ()))
            for pod in before - now:
                referrers.discard(pod, name)
            for pod in now - before:
                referrers.add(pod, name)
        return referrers.done()


def _name(endpoints: EndpointList) -> ServiceName:
    return ServiceName(endpoints.meta.key.namespace, endpoints.service)


def _order(endpoints: EndpointList) -> tuple[bool, ObjectKey]:
    return endpoints.meta.key.kind == "Endpoints", endpoints.meta.key


def _pods(lists: tuple[EndpointList, ...]) -> set[ObjectKey]:
    return {address.pod for each in lists for subset in each.subsets for address in subset.addresses if address.pod}
