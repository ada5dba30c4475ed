"""Whether something has to be made anew."""

from __future__ import annotations


def are_same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Whether both are of the same objects, which takes no comparing."""
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))
