"""Which workloads there are, by address and by label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from xds.config.drafts import Draft, SetDraft
from xds.config.fold_services import Pair
from xds.model.labels import Labels
from xds.model.objects import ObjectKey
from xds.model.services import Workload

Change: TypeAlias = tuple[Workload | None, Workload | None]
"""A workload as it was and as it is; None where there is none."""

_NONE: Final[frozenset[ObjectKey]] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class WorkloadIndex:
    """All workloads.

    by_address: the one in force for each address, the oldest. sharing: all that have an address, oldest first, where
    there are several. labelled: by each of their labels.
    """

    by_address: Mapping[str, Workload] = field(default_factory=dict)
    sharing: Mapping[str, tuple[Workload, ...]] = field(default_factory=dict)
    labelled: Mapping[Pair, AbstractSet[ObjectKey]] = field(default_factory=dict)

    def select(self, namespace: str, selector: Labels) -> AbstractSet[ObjectKey]:
        """The workloads of ``namespace`` that carry all labels of the selector; none if it is empty."""
        groups = [self.labelled.get((namespace, name, value), _NONE) for name, value in selector.items()]
        groups.sort(key=len)
        found: AbstractSet[ObjectKey] = groups[0] if groups else _NONE
        for group in groups[1:]:
            found = found & group
        return found

    def update(self, changes: Sequence[Change]) -> WorkloadIndex:
        """The index after ``changes``; the same one if there are none."""
        if not changes:
            return self
        by_address, sharing, labelled = Draft(self.by_address), Draft(self.sharing), SetDraft(self.labelled)
        for old, new in changes:
            _relabel(labelled, old, new)
            if old is not None:
                _remove(old, by_address, sharing)
            if new is not None:
                _add(new, by_address, sharing)
        return WorkloadIndex(by_address.done(), sharing.done(), labelled.done())


def _relabel(labelled: SetDraft[Pair, ObjectKey], old: Workload | None, new: Workload | None) -> None:
    if old is not None and new is not None and old.labels == new.labels:
        return
    if old is not None:
        for pair in _pairs(old):
            labelled.discard(pair, old.meta.key)
    if new is not None:
        for pair in _pairs(new):
            labelled.add(pair, new.meta.key)


def _pairs(workload: Workload) -> Iterator[Pair]:
    namespace = workload.meta.key.namespace
    return ((namespace, name, value) for name, value in workload.labels.items())


def _add(workload: Workload, by_address: Draft[str, Workload], sharing: Draft[str, tuple[Workload, ...]]) -> None:
    other = by_address.get(workload.address)
    if other is None:
        by_address.set(workload.address, workload)
        return
    rivals = tuple(sorted((*(sharing.get(workload.address) or (other,)), workload), key=_age))
    sharing.set(workload.address, rivals)
    by_address.set(workload.address, rivals[0])


def _remove(workload: Workload, by_address: Draft[str, Workload], sharing: Draft[str, tuple[Workload, ...]]) -> None:
    rest = tuple(rival for rival in sharing.get(workload.address) or () if rival is not workload)
    sharing.set(workload.address, rest if len(rest) > 1 else None)
    by_address.set(workload.address, rest[0] if rest else None)


def _age(workload: Workload) -> tuple[tuple[float, str, str], str]:
    return workload.meta.age_order, workload.meta.key.kind
