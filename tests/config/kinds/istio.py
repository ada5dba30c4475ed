"""What the tests of Istio's networking kinds share: a document in, the object and its findings out."""

from __future__ import annotations

from textwrap import dedent, indent
from typing import TypeVar

from xds.config.document import RawObject
from xds.config.kinds.kind import Context, Kind
from xds.config.schema import find_schema, not_honoured, validate
from xds.config.yaml import parse_documents
from xds.model.diagnostic import Diagnostic

T = TypeVar("T")

HEADER_LINES = 4
"""Lines before the first line of a spec."""


def document(kind: Kind[T], spec: str, namespace: str = "bookinfo") -> RawObject:
    """An object named ``it`` whose spec begins on line ``HEADER_LINES + 1``."""
    metadata = f"{{name: it, namespace: {namespace}}}"
    head = f"apiVersion: {kind.group}/{kind.versions[0]}\nkind: {kind.name}\nmetadata: {metadata}\nspec:\n"
    parsed = parse_documents(head + indent(dedent(spec), "  "), "it.yaml")
    assert not parsed.diagnostics, parsed.diagnostics
    return parsed.objects[0]


def read(kind: Kind[T], spec: str, namespace: str = "bookinfo") -> tuple[T | None, tuple[Diagnostic, ...]]:
    """The object, and what the schema, the list of honoured fields and the parser find."""
    raw = document(kind, spec, namespace)
    schema = find_schema(kind.name, kind.group)
    assert schema is not None
    assert not validate(raw, schema)
    made, found = kind.parse(raw, Context())
    return made, (*not_honoured(raw, schema, kind.honoured), *found)


def accepted(kind: Kind[T], spec: str, namespace: str = "bookinfo") -> T:
    """The object of a document that nothing is to be said about."""
    made, found = read(kind, spec, namespace)
    assert not found, found
    assert made is not None
    return made


def refused(kind: Kind[T], spec: str) -> list[tuple[int, str]]:
    """Line within the spec, from 1, and path of everything found in a document that must give no object."""
    made, found = read(kind, spec)
    assert made is None
    return [(each.origin.line - HEADER_LINES, each.path) for each in found]


def warned(kind: Kind[T], spec: str) -> tuple[T, list[tuple[int, str, str]]]:
    """The object of a document, and line within the spec, path and code of what is said about it."""
    made, found = read(kind, spec)
    assert made is not None, found
    return made, [(each.origin.line - HEADER_LINES, each.path, each.code) for each in found]
