"""Compiled schema nodes: what a value may be, and the walk over a document that finds what is wrong.

Leaves answer with a :class:`Fault`; containers walk their children and report each fault with its path. A null value
counts as absent. Nodes are immutable once linked and shared between all documents.
"""

from __future__ import annotations

import binascii
import math
from base64 import b64decode
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import NamedTuple, TypeAlias

from xds.config.document import Path
from xds.config.scalars import parse_duration
from xds.config.schema_formats import Format

Report: TypeAlias = Callable[[Path, str, str], None]


class Fault(NamedTuple):
    """What is wrong with one value: a stable code and a reason."""

    code: str
    reason: str


class Bounds(NamedTuple):
    """Inclusive limits; None is no limit."""

    low: float | None = None
    high: float | None = None

    def allow(self, value: float) -> bool:
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def __str__(self) -> str:
        if self.high is None:
            return f"at least {self.low:.10g}"
        return f"from {self.low:.10g} to {self.high:.10g}" if self.low is not None else f"at most {self.high:.10g}"


ANY = Bounds()


class Node:
    """Base of all nodes."""

    __slots__ = ()


class Leaf(Node):
    """A value without schema-known children."""

    __slots__ = ()

    def fault(self, value: object) -> Fault | None:
        """What is wrong with a value that is not null; None if nothing is."""
        raise NotImplementedError


class Anything(Leaf):
    """Any value, whatever is inside."""

    __slots__ = ()

    def fault(self, value: object) -> Fault | None:
        return None


class AnyObject(Leaf):
    """Any mapping, whatever is inside."""

    __slots__ = ()

    def fault(self, value: object) -> Fault | None:
        return None if isinstance(value, dict) else wrong_type("a mapping", value)


class Text(Leaf):
    """A string, with bounds on its length in characters and formats that it must have."""

    __slots__ = ("_formats", "_length")

    def __init__(self, length: Bounds = ANY, formats: tuple[Format, ...] = ()) -> None:
        self._length = length
        self._formats = formats

    def fault(self, value: object) -> Fault | None:
        if type(value) is not str:
            return wrong_type("a string", value)
        if self._length is not ANY and not self._length.allow(len(value)):
            return Fault("out-of-range", _length_reason(self._length))
        for wanted in self._formats:
            if not wanted.pattern.fullmatch(value):
                return Fault("invalid-format", wanted.reason)
        return None


def _length_reason(length: Bounds) -> str:
    if length.high == 0:
        return "must be empty"
    return "must not be empty" if length.low == 1 and length.high is None else f"must have {length} characters"


class Choice(Leaf):
    """One of a few names."""

    __slots__ = ("_values",)

    def __init__(self, values: Sequence[str]) -> None:
        self._values = dict.fromkeys(values)

    def fault(self, value: object) -> Fault | None:
        if isinstance(value, str) and value in self._values:
            return None
        return Fault("invalid-enum", f"must be one of {', '.join(self._values)}, not {_shown(value)}")


class Integer(Leaf):
    """A whole number within bounds."""

    __slots__ = ("_bounds",)

    def __init__(self, bounds: Bounds = ANY) -> None:
        self._bounds = bounds

    def fault(self, value: object) -> Fault | None:
        if type(value) is not int:
            return wrong_type("an integer", value)
        return None if self._bounds.allow(value) else Fault("out-of-range", f"must be {self._bounds}")


class Number(Leaf):
    """A finite number within bounds."""

    __slots__ = ("_bounds",)

    def __init__(self, bounds: Bounds = ANY) -> None:
        self._bounds = bounds

    def fault(self, value: object) -> Fault | None:
        if type(value) is not int and (type(value) is not float or not math.isfinite(value)):
            return wrong_type("a number", value)
        return None if self._bounds.allow(value) else Fault("out-of-range", f"must be {self._bounds}")


class Boolean(Leaf):
    """True or false."""

    __slots__ = ()

    def fault(self, value: object) -> Fault | None:
        return None if type(value) is bool else wrong_type("true or false", value)


class IntOrString(Leaf):
    """Kubernetes' IntOrString."""

    __slots__ = ()

    def fault(self, value: object) -> Fault | None:
        return None if type(value) in (int, str) else wrong_type("an integer or a string", value)


class Duration(Leaf):
    """A duration in text, at least ``low`` seconds."""

    __slots__ = ("_low", "_reason")

    def __init__(self, bounds: Bounds = ANY) -> None:
        self._low = timedelta(seconds=bounds.low) if bounds.low is not None else timedelta.min
        self._reason = f"must be a duration of at least {self._low // timedelta(milliseconds=1)}ms"

    def fault(self, value: object) -> Fault | None:
        if type(value) is not str:
            return wrong_type('a duration such as "5s"', value)
        try:
            return None if parse_duration(value) >= self._low else Fault("out-of-range", self._reason)
        except ValueError as error:
            return Fault("invalid-duration", str(error))


class Timestamp(Leaf):
    """An RFC 3339 time."""

    __slots__ = ()

    def fault(self, value: object) -> Fault | None:
        try:
            if isinstance(value, str) and "T" in value:
                datetime.fromisoformat(value)
                return None
        except ValueError:
            pass  # told below, as for every other value that is not a time
        return Fault("invalid-format", "must be a time such as 2026-01-31T10:00:00Z")


class Bytes(Leaf):
    """Base64 text."""

    __slots__ = ()

    def fault(self, value: object) -> Fault | None:
        if type(value) is not str:
            return wrong_type("a base64 string", value)
        try:
            b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            return Fault("invalid-format", "must be base64")
        return None


class Container(Node):
    """A value with children."""

    __slots__ = ()

    def walk(self, value: object, path: Path, report: Report) -> None:
        """Report everything that is wrong in ``value``, which is not null, and below it."""
        raise NotImplementedError


def check(node: Node, value: object, path: Path, step: str | int, report: Report) -> None:
    """Check one child that is not null, at ``path`` extended by ``step``."""
    if isinstance(node, Leaf):
        fault = node.fault(value)
        if fault is not None:
            report((*path, step), fault.reason, fault.code)
    elif isinstance(node, Container):
        node.walk(value, (*path, step), report)


class ListOf(Container):
    """A list. unique: a field of the items that no two may share (Kubernetes' map-type lists)."""

    __slots__ = ("_size", "_unique", "item")

    def __init__(self, item: Node, size: Bounds = ANY, unique: str = "") -> None:
        self.item = item
        self._size = size
        self._unique = unique

    def walk(self, value: object, path: Path, report: Report) -> None:
        if type(value) is not list:
            report(path, *reversed(wrong_type("a list", value)))
            return
        if self._size is not ANY and not self._size.allow(len(value)):
            report(path, f"must have {self._size} items", "out-of-range")
        for index, child in enumerate(value):
            if child is None:
                report((*path, index), "a list item must not be null", "wrong-type")
            else:
                check(self.item, child, path, index, report)
        if self._unique:
            self._check_unique(value, path, report)

    def _check_unique(self, items: list[object], path: Path, report: Report) -> None:
        seen: dict[object, int] = {}
        for index, item in enumerate(items):
            mark = item.get(self._unique) if isinstance(item, dict) else None
            if not isinstance(mark, str | int):
                continue
            first = seen.setdefault(mark, index)
            if first != index:
                report((*path, index, self._unique), f"{mark} is already used by item {first}", "conflicting-fields")


class MapOf(Container):
    """A mapping from free names, which may need a format, to values of one kind."""

    __slots__ = ("_key", "_size", "value")

    def __init__(self, value: Node, size: Bounds = ANY, key: Text | None = None) -> None:
        self.value = value
        self._size = size
        self._key = key

    def walk(self, value: object, path: Path, report: Report) -> None:
        if type(value) is not dict:
            report(path, *reversed(wrong_type("a mapping", value)))
            return
        if self._size is not ANY and not self._size.allow(len(value)):
            report(path, f"must have {self._size} entries", "out-of-range")
        for name, child in value.items():
            fault = self._key.fault(name) if self._key else None
            if fault is not None:
                report((*path, name), f"the key {fault.reason}", fault.code)
            if child is not None:
                check(self.value, child, path, name, report)


class Message(Container):
    """A mapping with known fields.

    one_of: groups of which at most one field may be given. any_of: groups of which at least one must be.
    is_open: unknown fields are tolerated. ``fields`` is filled after construction, as messages may refer to each other.
    """

    __slots__ = ("_any_of", "_is_open", "_one_of", "_required", "fields", "name")

    def __init__(
        self,
        name: str,
        required: Sequence[str] = (),
        one_of: Sequence[Sequence[str]] = (),
        any_of: Sequence[Sequence[str]] = (),
        is_open: bool = False,
    ) -> None:
        self.name = name
        self.fields: dict[str, Node] = {}
        self._required = tuple(required)
        self._one_of = tuple(one_of)
        self._any_of = tuple(any_of)
        self._is_open = is_open

    def walk(self, value: object, path: Path, report: Report) -> None:
        if type(value) is not dict:
            report(path, *reversed(wrong_type("a mapping", value)))
            return
        fields = self.fields
        for name, child in value.items():
            node = fields.get(name)
            if node is None:
                if not self._is_open:
                    report((*path, name), self._unknown(name), "unknown-field")
            elif child is not None:
                check(node, child, path, name, report)
        if self._required or self._one_of or self._any_of:
            self._check_presence(value, path, report)

    def _check_presence(self, value: dict[str, object], path: Path, report: Report) -> None:
        for name in self._required:
            if value.get(name) is None:
                report((*path, name), "is required", "missing-field")
        for group in self._one_of:
            given = [name for name in group if value.get(name) is not None]
            if len(given) > 1:
                report((*path, given[1]), f"only one of {', '.join(group)} can be given", "conflicting-fields")
        for group in self._any_of:
            if all(value.get(name) is None for name in group):
                report(path, f"one of {', '.join(group)} is required", "missing-field")

    def _unknown(self, name: str) -> str:
        similar = get_close_matches(name, self.fields, n=1, cutoff=0.6) if len(name) <= 100 else []
        return f"unknown field; did you mean {similar[0]}?" if similar else "unknown field"


def wrong_type(wanted: str, value: object) -> Fault:
    return Fault("wrong-type", f"must be {wanted}, not {_shown(value)}")


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    text = text if len(text) <= 60 else text[:57] + "..."
    return f'"{text}"' if isinstance(value, str) else text
