"""One document to one object: which kind it is, whether its schema accepts it, and what its parser makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from xds.config.document import RawObject
from xds.config.kinds import KINDS
from xds.config.kinds.kind import Context, Kind
from xds.config.objects import ConfigObject
from xds.config.schema import Schema, find_schema, known_kinds, not_honoured, validate
from xds.model.diagnostic import Diagnostic, Severity

_KINDS: Final = {(kind.group, kind.name): kind for kind in KINDS}
CLAIMED_KINDS: Final = frozenset(name for _, name in known_kinds())
"""Names of the kinds whose objects have an identity here."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a document says.

    object: None if it has no effect, be it for an error or not. is_valid: no error was found. is_known: it is of a
    kind that has a schema; other documents do not count as objects at all.
    """

    object: ConfigObject | None
    diagnostics: tuple[Diagnostic, ...] = ()
    is_valid: bool = True
    is_known: bool = True


def interpret(raw: RawObject, context: Context) -> Reading:
    """Read a document. Nothing that a user can write makes it raise."""
    group = raw.meta.api_group
    schema = find_schema(raw.kind, group)
    if schema is None:
        return Reading(None, (_ignored(raw),), is_known=False)
    errors = validate(raw, schema)
    if errors:
        return Reading(None, tuple(errors), is_valid=False)
    kind = _KINDS.get((group, raw.kind))
    if kind is None:
        return Reading(None, (_without_effect(raw),))
    return _parsed(raw, context, kind, schema)


def _parsed(raw: RawObject, context: Context, kind: Kind[ConfigObject], schema: Schema) -> Reading:
    made, found = kind.parse(raw, context)
    diagnostics = (*found, *not_honoured(raw, schema, kind.expected))
    is_valid = not any(diagnostic.severity is Severity.ERROR for diagnostic in found)
    return Reading(made, diagnostics, is_valid)


def _ignored(raw: RawObject) -> Diagnostic:
    reason = f"{raw.api_version} {raw.kind} has no effect here and is ignored"
    return Diagnostic(Severity.INFO, raw.origin, reason, raw.key, code="ignored-kind")


def _without_effect(raw: RawObject) -> Diagnostic:
    reason = f"not honoured yet: {raw.kind} has no effect"
    return Diagnostic(Severity.WARNING, raw.origin, reason, raw.key, code="not-honoured")
