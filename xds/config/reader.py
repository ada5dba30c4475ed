"""Typed access to a document that the schema has found valid, for the parsers of the kinds.

A reader stands on one mapping of a document. It hands out values of known types, and collects what only semantics can
find wrong as diagnostics with the field's path and line. Null counts as absent everywhere. A value of a type that the
schema rules out raises TypeError: the parser and the schema disagree, which is a bug and not the user's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import NoReturn, TypeVar, overload

from xds.config.document import Path, RawObject, format_path
from xds.config.scalars import parse_duration
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.labels import EMPTY_LABELS, Labels
from xds.model.objects import Origin, Place

T = TypeVar("T")
D = TypeVar("D")
INVALID = "invalid-value"
_EMPTY: Mapping[str, object] = {}


class Reader:
    """One mapping of a document.

    ``problems`` is shared by all readers of a document; the caller looks there when parsing is done. Paths given to
    methods are relative: a field's name, a tuple of steps, or ``()`` for this mapping itself.
    """

    __slots__ = ("path", "problems", "raw", "value")

    def __init__(
        self,
        raw: RawObject,
        path: Path = (),
        value: Mapping[str, object] | None = None,
        problems: list[Diagnostic] | None = None,
    ) -> None:
        self.raw = raw
        self.path = path
        self.value = raw.document if value is None else value
        self.problems: list[Diagnostic] = [] if problems is None else problems

    @property
    def origin(self) -> Origin:
        """File and line of this mapping."""
        return self.raw.origin_of(self.path)

    def origin_of(self, path: str | Path) -> Origin:
        """File and line of a field below."""
        return self.raw.origin_of(self._absolute(path))

    def place(self, path: str | Path) -> Place:
        """A field below, and where it is written."""
        absolute = self._absolute(path)
        return Place(self.raw.origin_of(absolute), format_path(absolute))

    def has(self, name: str) -> bool:
        """True if the field is given and not null."""
        return self.value.get(name) is not None

    def raw_value(self, name: str) -> object:
        """The plain value of a field that the schema leaves open; None if absent."""
        return self.value.get(name)

    def text(self, name: str, default: str = "") -> str:
        value = self.value.get(name)
        if value is None:
            return default
        return value if isinstance(value, str) else self._mistyped(name, "a string")

    @overload
    def integer(self, name: str, default: int = 0) -> int: ...
    @overload
    def integer(self, name: str, default: None) -> int | None: ...
    def integer(self, name: str, default: int | None = 0) -> int | None:
        value = self.value.get(name)
        if value is None:
            return default
        return value if type(value) is int else self._mistyped(name, "an integer")

    @overload
    def number(self, name: str, default: float = 0.0) -> float: ...
    @overload
    def number(self, name: str, default: None) -> float | None: ...
    def number(self, name: str, default: float | None = 0.0) -> float | None:
        value = self.value.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._mistyped(name, "a number")
        return float(value)

    @overload
    def flag(self, name: str, default: bool = False) -> bool: ...
    @overload
    def flag(self, name: str, default: None) -> bool | None: ...
    def flag(self, name: str, default: bool | None = False) -> bool | None:
        value = self.value.get(name)
        if value is None:
            return default
        return value if isinstance(value, bool) else self._mistyped(name, "a boolean")

    @overload
    def duration(self, name: str, default: timedelta) -> timedelta: ...
    @overload
    def duration(self, name: str, default: None = None) -> timedelta | None: ...
    def duration(self, name: str, default: timedelta | None = None) -> timedelta | None:
        text = self.text(name)
        return parse_duration(text) if text else default

    def strings(self, name: str) -> tuple[str, ...]:
        """A list of strings; empty if absent."""
        found = tuple(item for item in self._list(name) if isinstance(item, str))
        return found if len(found) == len(self._list(name)) else self._mistyped(name, "a list of strings")

    def integers(self, name: str) -> tuple[int, ...]:
        """A list of integers; empty if absent."""
        found = tuple(item for item in self._list(name) if isinstance(item, int))
        return found if len(found) == len(self._list(name)) else self._mistyped(name, "a list of integers")

    def labels(self, name: str) -> Labels:
        """A map of strings, entries with null left out; empty if absent."""
        entries = {key: _as_text(value) for key, value in self._map(name).items() if value is not None}
        return Labels(entries) if entries else EMPTY_LABELS

    def integer_map(self, name: str) -> dict[str, int]:
        """A map of integers, entries with null left out; empty if absent."""
        return {key: value for key, value in self._map(name).items() if isinstance(value, int)}

    def child(self, name: str) -> Reader | None:
        """The mapping in a field; None if absent."""
        value = self.value.get(name)
        if value is None:
            return None
        return self._below((name,), value)

    def section(self, name: str) -> Reader:
        """The mapping in a field; a reader of an empty mapping if absent."""
        return self.child(name) or Reader(self.raw, (*self.path, name), _EMPTY, self.problems)

    def items(self, name: str) -> list[Reader]:
        """The mappings of a list; empty if absent."""
        return [self._below((name, index), item) for index, item in enumerate(self._list(name))]

    def entries(self, name: str) -> list[tuple[str, Reader]]:
        """The keys and mappings of a map of mappings, entries with null left out; empty if absent."""
        return [(key, self._below((name, key), item)) for key, item in self._map(name).items() if item is not None]

    def parsed(self, name: str, parse: Callable[[str], T], default: T) -> T:
        """A text field through ``parse``; a ValueError becomes an error on the field, and the result the default."""
        text = self.text(name)
        return default if not text else self._try(parse, text, (name,), default)

    def parsed_strings(self, name: str, parse: Callable[[str], T]) -> tuple[T, ...]:
        """A list of strings, each through ``parse``; one that raises ValueError is reported and left out."""
        results: list[T] = []
        for index, text in enumerate(self.strings(name)):
            found = self._try(parse, text, (name, index), None)
            if found is not None:
                results.append(found)
        return tuple(results)

    def error(self, path: str | Path, reason: str, code: str = INVALID) -> None:
        """Report what keeps the object from taking effect."""
        self._report(Severity.ERROR, path, reason, code)

    def warning(self, path: str | Path, reason: str, code: str) -> None:
        """Report what the user should know although the object takes effect."""
        self._report(Severity.WARNING, path, reason, code)

    def info(self, path: str | Path, reason: str, code: str) -> None:
        """Report what may interest the user."""
        self._report(Severity.INFO, path, reason, code)

    def _report(self, severity: Severity, path: str | Path, reason: str, code: str) -> None:
        absolute = self._absolute(path)
        origin = self.raw.origin_of(absolute)
        self.problems.append(Diagnostic(severity, origin, reason, self.raw.key, format_path(absolute), code))

    def _absolute(self, path: str | Path) -> Path:
        return (*self.path, path) if isinstance(path, str) else self.path + path

    def _try(self, parse: Callable[[str], T], text: str, path: Path, default: D) -> T | D:
        try:
            return parse(text)
        except ValueError as error:
            self.error(path, str(error))
            return default

    def _below(self, steps: Path, value: object) -> Reader:
        if not isinstance(value, dict):
            return self._mistyped(steps, "a mapping")
        return Reader(self.raw, self.path + steps, value, self.problems)

    def _list(self, name: str) -> list[object]:
        value = self.value.get(name)
        if value is None:
            return []
        return value if isinstance(value, list) else self._mistyped(name, "a list")

    def _map(self, name: str) -> Mapping[str, object]:
        value = self.value.get(name)
        if value is None:
            return _EMPTY
        return value if isinstance(value, dict) else self._mistyped(name, "a mapping")

    def _mistyped(self, path: str | Path, wanted: str) -> NoReturn:
        raise TypeError(
            f"{self.raw.key} {format_path(self._absolute(path))}: the schema let through what is not {wanted}"
        )


def _as_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"the schema let through {value!r} where a string is needed")
    return value
