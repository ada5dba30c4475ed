"""Schema leaves: what a single value may be. Each answers with a :class:`Fault` or None; all are immutable."""

from __future__ import annotations

import binascii
import math
from base64 import b64decode
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from xds.config.scalars import parse_duration
from xds.config.schema_formats import Format


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
            return f"at least {self.low}"
        return f"at most {self.high}" if self.low is None else f"from {self.low} to {self.high}"


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

    __slots__ = ("formats", "length")

    def __init__(self, length: Bounds = ANY, formats: tuple[Format, ...] = ()) -> None:
        self.length = length
        self.formats = formats

    def fault(self, value: object) -> Fault | None:
        if type(value) is not str:
            return wrong_type("a string", value)
        if self.length is not ANY and not self.length.allow(len(value)):
            return Fault("out-of-range", _length_reason(self.length))
        for wanted in self.formats:
            if not wanted.pattern.fullmatch(value):
                return Fault("invalid-format", wanted.reason)
        return None


def _length_reason(length: Bounds) -> str:
    if length.high == 0:
        return "must be empty"
    return "must not be empty" if length.low == 1 and length.high is None else f"must have {length} characters"


class Choice(Leaf):
    """One of a few names."""

    __slots__ = ("values",)

    def __init__(self, values: Sequence[str]) -> None:
        self.values = dict.fromkeys(values)

    def fault(self, value: object) -> Fault | None:
        if isinstance(value, str) and value in self.values:
            return None
        return Fault("invalid-enum", f"must be one of {', '.join(self.values)}, not {_shown(value)}")


class Integer(Leaf):
    """A whole number within bounds."""

    __slots__ = ("bounds",)

    def __init__(self, bounds: Bounds = ANY) -> None:
        self.bounds = bounds

    def fault(self, value: object) -> Fault | None:
        if type(value) is not int:
            return wrong_type("an integer", value)
        return None if self.bounds.allow(value) else Fault("out-of-range", f"must be {self.bounds}")


class Number(Leaf):
    """A finite number within bounds."""

    __slots__ = ("bounds",)

    def __init__(self, bounds: Bounds = ANY) -> None:
        self.bounds = bounds

    def fault(self, value: object) -> Fault | None:
        if type(value) is not int and (type(value) is not float or not math.isfinite(value)):
            return wrong_type("a number", value)
        return None if self.bounds.allow(value) else Fault("out-of-range", f"must be {self.bounds}")


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

    __slots__ = ("_reason", "low")

    def __init__(self, bounds: Bounds = ANY) -> None:
        self.low = timedelta(seconds=bounds.low) if bounds.low is not None else timedelta.min
        self._reason = f"must be a duration of at least {self.low // timedelta(milliseconds=1)}ms"

    def fault(self, value: object) -> Fault | None:
        if type(value) is not str:
            return wrong_type('a duration such as "5s"', value)
        try:
            return None if parse_duration(value) >= self.low else Fault("out-of-range", self._reason)
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
