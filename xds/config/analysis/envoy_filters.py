"""EnvoyFilters whose operations cannot do anything, or do it only as long as others do not change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from xds.config.analysis.subject import Subject
from xds.config.kinds.kind import ISTIO_NETWORKING
from xds.config.reader import Reader
from xds.model.diagnostic import Diagnostic, Severity

_RELATIVE: Final = frozenset({"INSERT_BEFORE", "INSERT_AFTER", "REPLACE", "MERGE", "REMOVE"})
_REPLACEABLE: Final = frozenset({"HTTP_FILTER", "NETWORK_FILTER", "LISTENER_FILTER"})
_FIXED: Final = frozenset({"ROUTE_CONFIGURATION"})


def analyse(subject: Subject) -> Iterator[Diagnostic]:
    """Operations that need something to be there first (IST0151, IST0155), or cannot apply (IST0152 to IST0154)."""
    for reader in subject.readers("EnvoyFilter", ISTIO_NETWORKING):
        spec = reader.section("spec")
        for entry in spec.items("configPatches"):
            yield from _of_patch(subject, entry, has_priority=spec.integer("priority") != 0)


def _of_patch(subject: Subject, entry: Reader, *, has_priority: bool) -> Iterator[Diagnostic]:
    apply_to, operation = entry.text("applyTo"), entry.section("patch").text("operation")
    path = (*entry.path, "patch", "operation")
    if operation in _RELATIVE and not has_priority:
        versioned = bool(entry.section("match").section("proxy").text("proxyVersion"))
        code = "relative-operation-of-version" if versioned else "relative-operation"
        reason = f"{operation} needs what it is relative to, which another EnvoyFilter may take away or bring later"
        yield subject.finding(entry.raw.key, path, Severity.INFO, reason, code)
    code = _misused(apply_to, operation)
    if code:
        reason = f"{operation} does nothing to {apply_to}"
        yield subject.finding(entry.raw.key, path, Severity.ERROR, reason, code)


def _misused(apply_to: str, operation: str) -> str:
    if operation == "REPLACE" and apply_to not in _REPLACEABLE:
        return "replace-without-effect"
    if operation == "ADD" and apply_to in _FIXED:
        return "add-without-effect"
    if operation == "REMOVE" and apply_to in _FIXED:
        return "remove-without-effect"
    return ""
