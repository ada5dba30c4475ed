"""Which services there are, who declares them, and which of them select a workload."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from xds.config.drafts import Draft, SetDraft, revise
from xds.config.objects import ServiceDeclaration
from xds.config.standing import Declared, Standing, standing
from xds.model.labels import Labels
from xds.model.services import Service, ServiceKey

Change: TypeAlias = tuple[ServiceDeclaration | None, ServiceDeclaration | None]
"""A declaration as it was and as it is; None where there is none."""

Pair: TypeAlias = tuple[str, str, str]
"""A namespace, and a label's name and value."""


@dataclass(frozen=True, slots=True, eq=False)
class ServiceIndex:
    """All services.

    services: those in force, ordered by key. standing: by key, all that is declared. selecting: services with a
    selector, by its first pair, so that a workload finds those that might select it.
    """

    services: tuple[Service, ...] = ()
    standing: Mapping[ServiceKey, Standing] = field(default_factory=dict)
    selecting: Mapping[Pair, AbstractSet[ServiceKey]] = field(default_factory=dict)

    def find(self, key: ServiceKey) -> Service | None:
        """The service in force."""
        found = self.standing.get(key)
        return found.service if found is not None else None

    def select(self, namespace: str, labels: Labels) -> Iterator[ServiceKey]:
        """The services whose selector picks a workload with these labels."""
        for name, value in labels.items():
            for key in self.selecting.get((namespace, name, value), ()):
                if any(selector.selects(labels) for selector in _selectors(self.standing[key])):
                    yield key

    def update(self, changes: Iterable[Change]) -> tuple[ServiceIndex, set[ServiceKey]]:
        """The index after ``changes``, and the services that these touch."""
        declared: dict[ServiceKey, tuple[Declared, ...]] = {}
        for old, new in changes:
            if old is not None:
                for service in old.services:
                    declared[service.key] = _without(self._declared(service.key, declared), old)
            if new is not None:
                for service in new.services:
                    declared[service.key] = (*self._declared(service.key, declared), Declared(service, new))
        return (self._after(declared), set(declared)) if declared else (self, set())

    def _declared(self, key: ServiceKey, now: Mapping[ServiceKey, tuple[Declared, ...]]) -> tuple[Declared, ...]:
        if key in now:
            return now[key]
        before = self.standing.get(key)
        return before.declared if before is not None else ()

    def _after(self, declared: Mapping[ServiceKey, tuple[Declared, ...]]) -> ServiceIndex:
        changed, selecting = Draft(self.standing), SetDraft(self.selecting)
        gone: list[Service] = []
        added: list[Service] = []
        for key, declarations in declared.items():
            old = self.standing.get(key)
            new = _standing(declarations, old)
            changed.set(key, new)
            for pair in _first_pairs(old):
                selecting.discard(pair, key)
            for pair in _first_pairs(new):
                selecting.add(pair, key)
            before, now = (each.service if each is not None else None for each in (old, new))
            if before is not now:
                gone += [before] if before is not None else []
                added += [now] if now is not None else []
        return ServiceIndex(revise(self.services, gone, added, _key), changed.done(), selecting.done())


def _key(service: Service) -> ServiceKey:
    return service.key


def _without(declared: tuple[Declared, ...], by: ServiceDeclaration) -> tuple[Declared, ...]:
    return tuple(each for each in declared if each.by is not by)


def _standing(declared: tuple[Declared, ...], old: Standing | None) -> Standing | None:
    """A service that is as it was is the same object."""
    if not declared:
        return None
    new = standing(declared)
    return replace(new, service=old.service) if old is not None and old.service == new.service else new


def _selectors(of: Standing) -> Iterator[Labels]:
    return (each.service.selector for each in of.members if each.service.selector is not None)


def _first_pairs(of: Standing | None) -> Iterator[Pair]:
    if of is not None:
        for selector in _selectors(of):
            for name, value in selector.items():
                yield of.service.meta.namespace, name, value
                break
