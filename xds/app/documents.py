"""Values of the model as JSON, the same wherever they are shown."""

from __future__ import annotations

from xds.model.diagnostic import Diagnostic


def diagnostic_document(diagnostic: Diagnostic) -> dict[str, object]:
    """A finding."""
    key = diagnostic.object
    return {
        "severity": diagnostic.severity.value,
        "code": diagnostic.code,
        "file": diagnostic.origin.file,
        "line": diagnostic.origin.line,
        "object": {"kind": key.kind, "namespace": key.namespace, "name": key.name} if key else None,
        "path": diagnostic.path,
        "reason": diagnostic.reason,
    }
