"""Lists of encoded messages, as the operations of patches change them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from xds.model.envoy_filters import ConfigPatch, PatchOperation

T = TypeVar("T")

Matches = Callable[[T], bool]


def edited(items: list[T], patch: ConfigPatch, new: T, matches: Matches[T] | None) -> list[T] | None:
    """The list after an operation other than a merge; None if it changes nothing.

    new: what the patch puts into it. matches: what the patch names as the place; None if it names nothing, which for an
    insertion is the end that it is nearer to (Istio).
    """
    match patch.operation:
        case PatchOperation.ADD:
            return [*items, new]
        case PatchOperation.INSERT_FIRST:
            return [new, *items]
        case PatchOperation.INSERT_BEFORE:
            return _at(items, new, 0 if matches is None else _index(items, matches))
        case PatchOperation.INSERT_AFTER:
            after = len(items) - 1 if matches is None else _index(items, matches)
            return _at(items, new, None if after is None else after + 1)
        case PatchOperation.REPLACE:
            place = None if matches is None else _index(items, matches)
            return None if place is None else [*items[:place], new, *items[place + 1 :]]
        case PatchOperation.REMOVE:
            kept = items if matches is None else [item for item in items if not matches(item)]
            return kept if len(kept) < len(items) else None
    return None


def _index(items: list[T], matches: Matches[T]) -> int | None:
    return next((index for index, item in enumerate(items) if matches(item)), None)


def _at(items: list[T], new: T, place: int | None) -> list[T] | None:
    return None if place is None else [*items[:place], new, *items[place:]]
