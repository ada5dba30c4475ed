"""An immutable, hashable string-to-string mapping, used for labels, selectors and annotations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping


class Labels(Mapping[str, str]):
    """A frozen ``Mapping[str, str]`` that is hashable and answers selector questions."""

    __slots__ = ("_hash", "_items")

    def __init__(self, items: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        self._items: dict[str, str] = dict(items)
        self._hash: int | None = None

    def __getitem__(self, key: str) -> str:
        return self._items[key]

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self._items.items()))
        return self._hash

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Labels):
            return self._items == other._items
        return NotImplemented

    def __repr__(self) -> str:
        return f"Labels({self._items!r})"

    def selects(self, labels: Labels) -> bool:
        """True if every pair of this selector is among ``labels``. An empty selector selects everything."""
        return self._items.items() <= labels._items.items()


EMPTY_LABELS = Labels()
