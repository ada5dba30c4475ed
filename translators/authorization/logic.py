"""Conditions put together, in encoded form: what Envoy's ``Permission`` and ``Principal`` have in common.

Most policies of a mesh ask for the same few values of an attribute, so each is encoded once, and what joins them is
spliced around it. The two messages have the same field numbers for that: all 1, any 2 (of a set, whose field 1
repeats), always 3, not 8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final, TypeAlias

import betterproto2

from xds.model.authorization import Attribute, Condition
from xds.wire.encode import encode
from xds.wire.splice import field

One: TypeAlias = Callable[[tuple[str, ...], str], betterproto2.Message]
"""From the names and one value of a condition to the message that asks for it."""

ALWAYS: Final = b"\x18\x01"
"""What is always met: field 3, true."""


def negated(encoded: bytes) -> bytes:
    """What is met if ``encoded`` is not."""
    return field(8, encoded)


class Logic:
    """One of the two messages. table: by attribute, what asks for one value."""

    def __init__(self, table: Mapping[Attribute, One]) -> None:
        self._table = table
        self._one = lru_cache(maxsize=8192)(self._encoded)

    def all_of(self, conditions: Iterable[Condition]) -> bytes:
        """That all of the conditions hold; without any it is always met."""
        parts = [part for condition in conditions for part in self._parts(condition)]
        return _joined(1, parts) if parts else ALWAYS

    def _parts(self, condition: Condition) -> Iterator[bytes]:
        if condition.values:
            yield self._any_of(condition, condition.values)
        if condition.not_values:
            yield negated(self._any_of(condition, condition.not_values))

    def _any_of(self, condition: Condition, values: tuple[str, ...]) -> bytes:
        return _joined(2, [self._one(condition.attribute, condition.names, value) for value in values])

    def _encoded(self, attribute: Attribute, names: tuple[str, ...], value: str) -> bytes:
        return encode(self._table[attribute](names, value))


def _joined(number: int, parts: list[bytes]) -> bytes:
    """As a set in the field of this number; one alone needs none."""
    return parts[0] if len(parts) == 1 else field(number, b"".join(field(1, part) for part in parts))
