"""What the tests of kinds with a shape of their own share: a whole document in, what it reads as out."""

from __future__ import annotations

from textwrap import dedent
from typing import TypeVar

from xds.config.interpret import Reading, interpret
from xds.config.kinds.kind import Context
from xds.config.yaml import parse_documents

T = TypeVar("T")


def reading(text: str) -> Reading:
    """How the only document of ``text`` reads."""
    parsed = parse_documents(dedent(text), "it.yaml")
    assert not parsed.diagnostics, parsed.diagnostics
    (raw,) = parsed.objects
    return interpret(raw, Context())


def accepted(kind: type[T], text: str) -> T:
    """The object of a document that nothing is to be said about."""
    found = reading(text)
    assert found.diagnostics == ()
    assert isinstance(found.object, kind)
    return found.object


def said(text: str) -> list[tuple[str, int, str, str]]:
    """Severity, line, path and code of everything found in a document."""
    return [(str(d.severity), d.origin.line, d.path, d.code) for d in reading(text).diagnostics]
