"""Schema containers, and the walk over a document that finds what is wrong.

Containers walk their children and report each fault with its path. A null value counts as absent. Nodes do not change
once linked, and are shared between all documents.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import TypeAlias

from xds.config.document import Path
from xds.config.schema_leaves import ANY, Bounds, Leaf, Node, Text, wrong_type

Report: TypeAlias = Callable[[Path, str, str], None]
"""Takes a path, a reason and a code."""


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

    __slots__ = ("item", "size", "unique")

    def __init__(self, item: Node, size: Bounds = ANY, unique: str = "") -> None:
        self.item = item
        self.size = size
        self.unique = unique

    def walk(self, value: object, path: Path, report: Report) -> None:
        if type(value) is not list:
            report(path, *reversed(wrong_type("a list", value)))
            return
        if self.size is not ANY and not self.size.allow(len(value)):
            report(path, f"must have {self.size} items", "out-of-range")
        for index, child in enumerate(value):
            if child is None:
                report((*path, index), "a list item must not be null", "wrong-type")
            else:
                check(self.item, child, path, index, report)
        if self.unique:
            self._check_unique(value, path, report)

    def _check_unique(self, items: list[object], path: Path, report: Report) -> None:
        seen: dict[object, int] = {}
        for index, item in enumerate(items):
            mark = item.get(self.unique) if isinstance(item, dict) else None
            if not isinstance(mark, str | int):
                continue
            first = seen.setdefault(mark, index)
            if first != index:
                report((*path, index, self.unique), f"{mark} is already used by item {first}", "conflicting-fields")


class MapOf(Container):
    """A mapping from free names, which may need a format, to values of one kind."""

    __slots__ = ("key", "size", "value")

    def __init__(self, value: Node, size: Bounds = ANY, key: Text | None = None) -> None:
        self.value = value
        self.size = size
        self.key = key

    def walk(self, value: object, path: Path, report: Report) -> None:
        if type(value) is not dict:
            report(path, *reversed(wrong_type("a mapping", value)))
            return
        if self.size is not ANY and not self.size.allow(len(value)):
            report(path, f"must have {self.size} entries", "out-of-range")
        for name, child in value.items():
            fault = self.key.fault(name) if self.key else None
            if fault is not None:
                report((*path, name), f"the key {fault.reason}", fault.code)
            if child is not None:
                check(self.value, child, path, name, report)


class Message(Container):
    """A mapping with known fields.

    one_of: groups of which at most one field may be given. any_of: groups of which at least one must be.
    is_open: unknown fields are tolerated. ``fields`` is filled after construction, as messages may refer to each other.
    """

    __slots__ = ("any_of", "fields", "is_open", "name", "one_of", "required")

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
        self.required = tuple(required)
        self.one_of = tuple(one_of)
        self.any_of = tuple(any_of)
        self.is_open = is_open

    def walk(self, value: object, path: Path, report: Report) -> None:
        if type(value) is not dict:
            report(path, *reversed(wrong_type("a mapping", value)))
            return
        fields = self.fields
        for name, child in value.items():
            node = fields.get(name)
            if node is None:
                if not self.is_open:
                    report((*path, name), self._unknown(name), "unknown-field")
            elif child is not None:
                check(node, child, path, name, report)
        if self.required or self.one_of or self.any_of:
            self._check_presence(value, path, report)

    def _check_presence(self, value: dict[str, object], path: Path, report: Report) -> None:
        for name in self.required:
            if value.get(name) is None:
                report((*path, name), "is required", "missing-field")
        for group in self.one_of:
            if sum(value.get(name) is not None for name in group) > 1:
                given = [name for name in value if name in group and value[name] is not None]
                report((*path, given[1]), f"only one of {', '.join(group)} can be given", "conflicting-fields")
        for group in self.any_of:
            if all(value.get(name) is None for name in group):
                report(path, f"one of {', '.join(group)} is required", "missing-field")

    def _unknown(self, name: str) -> str:
        similar = get_close_matches(name, self.fields, n=1, cutoff=0.6) if len(name) <= 100 else []
        return f"unknown field; did you mean {similar[0]}?" if similar else "unknown field"
