"""The notation of the schema files, compiled to nodes.

A file has ``kinds`` and ``messages``. A message maps field names to type expressions; a name that ends in ``!`` is
required. Three keys are not fields: ``@one-of`` lists groups of which at most one field may be given (exactly one, if
the group starts with ``!``), ``@any-of`` groups of which at least one must be, and ``@open`` tolerates unknown fields.

A type expression is one of::

    string [LENGTH] [~FORMAT]...     int | uint32 | int32 | port | number   [RANGE]
    duration [RANGE]                 bool   bytes   timestamp   int-or-string   any   any-object
    enum NAME|NAME|...               MessageName
    list [SIZE] [unique=FIELD] of TYPE
    map [SIZE] [~FORMAT of the keys] of TYPE

where LENGTH, RANGE and SIZE are ``LOW..HIGH``, inclusive, either side optional; a duration's RANGE is in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from xds.config.schema_formats import FORMATS, Format
from xds.config.schema_leaves import (
    ANY,
    AnyObject,
    Anything,
    Boolean,
    Bounds,
    Bytes,
    Choice,
    Duration,
    Integer,
    IntOrString,
    Node,
    Number,
    Text,
    Timestamp,
)
from xds.config.schema_nodes import ListOf, MapOf, Message

_SIMPLE: Final[dict[str, Callable[[], Node]]] = {
    "any": Anything,
    "any-object": AnyObject,
    "bool": Boolean,
    "bytes": Bytes,
    "int-or-string": IntOrString,
    "timestamp": Timestamp,
    "int32": lambda: Integer(Bounds(-(2**31), 2**31 - 1)),
    "uint32": lambda: Integer(Bounds(0, 2**32 - 1)),
    "port": lambda: Integer(Bounds(1, 65535)),
}
_BOUNDED: Final[dict[str, Callable[[Bounds], Node]]] = {
    "int": lambda bounds: Integer(_within_int64(bounds)),
    "number": Number,
    "duration": Duration,
}


class Compiler:
    """Compiles messages on demand; each message and each distinct expression once."""

    def __init__(self, messages: Mapping[str, Mapping[str, object]]) -> None:
        self._sources = messages
        self._messages: dict[str, Message] = {}
        self._nodes: dict[str, Node] = {}

    def message(self, name: str) -> Message:
        """The compiled message ``name``, with everything that it refers to."""
        found = self._messages.get(name)
        return found if found is not None else self.compile(name, self._sources[name])

    def compile(self, name: str, source: Mapping[str, object]) -> Message:
        """Compile a message's source and remember it under ``name``."""
        fields = {field: str(expression) for field, expression in source.items() if not field.startswith("@")}
        required = [field[:-1] for field in fields if field.endswith("!")]
        groups = _groups(source.get("@one-of"))
        exact = [group[1:] for group in groups if group[0] == "!"]
        message = Message(
            name,
            required=required,
            one_of=[group for group in groups if group[0] != "!"] + exact,
            any_of=_groups(source.get("@any-of")) + exact,
            is_open=source.get("@open") is True,
        )
        # Remembered before its fields are compiled, so that a message may contain itself.
        self._messages[name] = message
        message.fields.update({field.rstrip("!"): self._node(expression) for field, expression in fields.items()})
        return message

    def _node(self, expression: str) -> Node:
        found = self._nodes.get(expression)
        if found is None:
            found = self._nodes[expression] = self._compile(expression)
        return found

    def _compile(self, expression: str) -> Node:
        head, _, inner = expression.partition(" of ")
        base, *words = head.split()
        if base == "list":
            return ListOf(self._node(inner), _bounds(words), _unique(words))
        if base == "map":
            formats = _formats(words)
            return MapOf(self._node(inner), _bounds(words), Text(formats=formats) if formats else None)
        if base == "string":
            return Text(_bounds(words), _formats(words))
        if base == "enum":
            return Choice(words[0].split("|"))
        if base in _BOUNDED:
            return _BOUNDED[base](_bounds(words))
        return _SIMPLE[base]() if base in _SIMPLE else self.message(base)


def _groups(source: object) -> list[list[str]]:
    return [[str(name) for name in group] for group in source] if isinstance(source, list) else []


def _within_int64(bounds: Bounds) -> Bounds:
    low, high = bounds
    return Bounds(-(2**63) if low is None else low, 2**63 - 1 if high is None else high)


def _bounds(words: list[str]) -> Bounds:
    text = next((word for word in words if ".." in word), "")
    if not text:
        return ANY
    low, _, high = text.partition("..")
    return Bounds(_limit(low), _limit(high))


def _limit(text: str) -> float | None:
    return None if not text else float(text) if "." in text else int(text)


def _formats(words: list[str]) -> tuple[Format, ...]:
    return tuple(FORMATS[word[1:]] for word in words if word.startswith("~"))


def _unique(words: list[str]) -> str:
    return next((word.removeprefix("unique=") for word in words if word.startswith("unique=")), "")
