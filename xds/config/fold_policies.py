"""Objects that are asked for by age: VirtualServices, DestinationRules, Gateways, Sidecars and the like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

from xds.config.drafts import Draft, revise
from xds.model.objects import ObjectMeta


class Dated(Protocol):
    """Anything with metadata."""

    @property
    def meta(self) -> ObjectMeta: ...


D = TypeVar("D", bound=Dated)


def revise_by_age(items: tuple[D, ...], changes: Iterable[tuple[D | None, D | None]]) -> tuple[D, ...]:
    """``items``, oldest first, after ``changes``: pairs of an object as it was and as it is, None if it is not."""
    changes = list(changes)
    gone = [old for old, _ in changes if old is not None]
    added = [new for _, new in changes if new is not None]
    return revise(items, gone, added, _age)


def revise_by_namespace(
    groups: Mapping[str, tuple[D, ...]], changes: Iterable[tuple[D | None, D | None]]
) -> Mapping[str, tuple[D, ...]]:
    """:func:`revise_by_age` for each namespace; one that is left without objects is left out."""
    by_namespace: dict[str, list[tuple[D | None, D | None]]] = {}
    for old, new in changes:
        one = new if new is not None else old
        if one is not None:
            by_namespace.setdefault(one.meta.key.namespace, []).append((old, new))
    result = Draft(groups)
    for namespace, changed in by_namespace.items():
        result.set(namespace, revise_by_age(groups.get(namespace, ()), changed) or None)
    return result.done()


def _age(item: Dated) -> tuple[float, str, str]:
    return item.meta.age_order
