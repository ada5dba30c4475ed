"""How a parser ends: what it made, if nothing that it reported is an error."""

from __future__ import annotations

from typing import TypeVar

from xds.config.reader import Reader
from xds.model.diagnostic import Diagnostic, Severity

T = TypeVar("T")


def result(root: Reader, made: T | None) -> tuple[T | None, tuple[Diagnostic, ...]]:
    """The value and the diagnostics that :attr:`Kind.parse` returns."""
    return None if has_errors(root) else made, tuple(root.problems)


def has_errors(root: Reader) -> bool:
    """True if anything that was reported is an error."""
    return any(problem.severity is Severity.ERROR for problem in root.problems)
