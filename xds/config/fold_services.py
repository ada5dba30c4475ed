"""Which services there are, who declares them, and which of them select a workload."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from xds.config.drafts import Draft, SetDraft, revise
from xds.config.objects import ServiceDeclaration
from xds.model.labels import Labels
from xds.model.services import Service, ServiceKey, Workload

Change: TypeAlias = tuple[ServiceDeclaration | None, ServiceDeclaration | None]
"""A declaration as it was and as it is; None where there is none."""

Pair: TypeAlias = tuple[str, str, str]
"""A namespace, and a label's name and value."""


class Declared(NamedTuple):
    """A service and the object that declares it."""

    service: Service
    by: ServiceDeclaration

    @property
    def inline(self) -> tuple[Workload, ...]:
        """The endpoints that the object lists."""
        return self.by.endpoints


@dataclass(frozen=True, slots=True, eq=False)
class ServiceIndex:
    """All services.

    services: those in force, ordered by key. declared: by key, every declaration, the one in force first.
    selecting: services with a selector, by its first pair, so that a workload finds those that might select it.
    """

    services: tuple[Service, ...] = ()
    declared: Mapping[ServiceKey, tuple[Declared, ...]] = field(default_factory=dict)
    selecting: Mapping[Pair, AbstractSet[ServiceKey]] = field(default_factory=dict)

    def find(self, key: ServiceKey) -> Declared | None:
        """The declaration in force."""
        declared = self.declared.get(key)
        return declared[0] if declared else None

    def select(self, namespace: str, labels: Labels) -> Iterator[ServiceKey]:
        """The services whose selector picks a workload with these labels."""
        for name, value in labels.items():
            for key in self.selecting.get((namespace, name, value), ()):
                selector = self.declared[key][0].service.selector
                if selector is not None and selector.selects(labels):
                    yield key

    def update(self, changes: Iterable[Change]) -> tuple[ServiceIndex, set[ServiceKey]]:
        """The index after ``changes``, and the services that these touch."""
        declared = Draft(self.declared)
        touched: set[ServiceKey] = set()
        for old, new in changes:
            if old is not None:
                for service in old.services:
                    touched.add(service.key)
                    declared.set(service.key, _without(declared.get(service.key), old))
            if new is not None:
                for service in new.services:
                    touched.add(service.key)
                    declared.set(service.key, _with(declared.get(service.key), Declared(service, new)))
        if not touched:
            return self, touched
        return self._after(declared.done(), touched), touched

    def _after(self, declared: Mapping[ServiceKey, tuple[Declared, ...]], touched: set[ServiceKey]) -> ServiceIndex:
        selecting = SetDraft(self.selecting)
        gone: list[Service] = []
        added: list[Service] = []
        for key in touched:
            old = self.find(key)
            new = declared[key][0] if key in declared else None
            if old is not None and (new is None or new.service is not old.service):
                gone.append(old.service)
                for pair in _first_pair(old.service):
                    selecting.discard(pair, key)
            if new is not None and (old is None or new.service is not old.service):
                added.append(new.service)
                for pair in _first_pair(new.service):
                    selecting.add(pair, key)
        return ServiceIndex(revise(self.services, gone, added, _key), declared, selecting.done())


def _key(service: Service) -> ServiceKey:
    return service.key


def _without(rivals: tuple[Declared, ...] | None, by: ServiceDeclaration) -> tuple[Declared, ...] | None:
    return tuple(rival for rival in rivals or () if rival.by is not by) or None


def _with(rivals: tuple[Declared, ...] | None, one: Declared) -> tuple[Declared, ...]:
    return tuple(sorted((*rivals, one), key=_preference)) if rivals else (one,)


def _preference(declared: Declared) -> tuple[bool, tuple[float, str, str]]:
    """A Kubernetes Service before a ServiceEntry of the same host, as its endpoints are found otherwise; then age."""
    meta = declared.service.meta
    return meta.key.kind != "Service", meta.age_order


def _first_pair(service: Service) -> Iterator[Pair]:
    for name, value in (service.selector or {}).items():
        yield service.meta.namespace, name, value
        return
