"""Immutable mappings, changed: copied on the first write, and the same mapping again if nothing was written.

A mapping that went into a draft or came out of one must not be written to by anyone else.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from operator import is_
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from xds.model.sharded import Sharded, shard_of, sharded

if TYPE_CHECKING:
    from _typeshed import SupportsRichComparison

K = TypeVar("K")
S = TypeVar("S", bound=str | tuple[str, ...])
V = TypeVar("V")
T = TypeVar("T")

_FEW: Final = 16


class Draft(Generic[K, V]):
    """A changed version of a mapping."""

    __slots__ = ("_base", "_copy")

    def __init__(self, base: Mapping[K, V]) -> None:
        self._base = base
        self._copy: dict[K, V] | None = None

    def get(self, key: K) -> V | None:
        """What the key has now."""
        return (self._base if self._copy is None else self._copy).get(key)

    def set(self, key: K, value: V | None) -> None:
        """Give the key a value, or take it out with None."""
        if self.get(key) is value:
            return
        if self._copy is None:
            self._copy = _copied(self._base)
        if value is None:
            del self._copy[key]
        else:
            self._copy[key] = value

    def done(self) -> Mapping[K, V]:
        """The result; the original mapping if nothing changed."""
        return self._base if self._copy is None else self._copy


def _copied(mapping: Mapping[K, V]) -> dict[K, V]:
    # dict.copy clones the table at once; dict(...) inserts key by key once anything was ever deleted.
    return mapping.copy() if isinstance(mapping, dict) else dict(mapping)


class ShardedDraft(Generic[S, V]):
    """A changed version of a large mapping, at the cost of the shards that change."""

    __slots__ = ("_base", "_copies")

    def __init__(self, base: Mapping[S, V]) -> None:
        self._base = sharded(base)
        self._copies: dict[int, Draft[S, V]] = {}

    def get(self, key: S) -> V | None:
        """What the key has now."""
        return self._draft(key).get(key)

    def set(self, key: S, value: V | None) -> None:
        """Give the key a value, or take it out with None."""
        self._draft(key).set(key, value)

    def done(self) -> Sharded[S, V]:
        """The result; the original mapping if nothing changed."""
        shards = list(self._base.shards)
        for number, draft in self._copies.items():
            shards[number] = draft.done()
        unchanged = all(map(is_, shards, self._base.shards))
        return self._base if unchanged else Sharded(tuple(shards))

    def _draft(self, key: S) -> Draft[S, V]:
        number = shard_of(key)
        draft = self._copies.get(number)
        if draft is None:
            draft = self._copies[number] = Draft(self._base.shards[number])
        return draft


class SetDraft(Generic[K, V]):
    """A changed version of a mapping to sets that are not empty."""

    __slots__ = ("_base", "_touched")

    def __init__(self, base: Mapping[K, AbstractSet[V]]) -> None:
        self._base = base
        self._touched: dict[K, set[V]] = {}

    def get(self, key: K) -> AbstractSet[V]:
        """What the key has now; empty if nothing. To be read before the next change."""
        return self._touched[key] if key in self._touched else self._base.get(key, frozenset())

    def add(self, key: K, value: V) -> None:
        self._writable(key).add(value)

    def discard(self, key: K, value: V) -> None:
        self._writable(key).discard(value)

    def done(self) -> Mapping[K, AbstractSet[V]]:
        """The result; the original mapping if nothing was added or discarded."""
        if not self._touched:
            return self._base
        result = _copied(self._base)
        result.update(self._touched)
        for key, values in self._touched.items():
            if not values:
                del result[key]
        return result

    def _writable(self, key: K) -> set[V]:
        values = self._touched.get(key)
        if values is None:
            values = self._touched[key] = set(self._base.get(key, ()))
        return values


def revise(
    items: tuple[T, ...],
    gone: Collection[T],
    added: Collection[T],
    order: Callable[[T], SupportsRichComparison],
) -> tuple[T, ...]:
    """``items``, which are sorted by ``order``, without those that are ``gone`` (by identity) and with ``added``.

    The same tuple if there is nothing to do.
    """
    if not gone and not added:
        return items
    leaving = {id(item) for item in gone}
    kept = [item for item in items if id(item) not in leaving]
    if len(added) > _FEW:
        return tuple(sorted((*kept, *added), key=order))
    for item in added:
        insort(kept, item, key=order)
    return tuple(kept)
