"""Findings of the analysis as people and programs read them, in ``istioctl analyze``'s shapes."""

from __future__ import annotations

from xds.config.analysis import Finding

PAGE = "docs/analysis.md"


def finding_line(finding: Finding) -> str:
    """``Error [IST0101] (Kind name.ns file:line) field: what is wrong. What to do.``"""
    return f"{finding.level.value.title()} [{finding.code}] ({_where(finding)}) {_message(finding)}"


def finding_document(finding: Finding) -> dict[str, object]:
    """A finding, with istioctl's keys and the field. documentationUrl: relative to the project's root."""
    diagnostic = finding.diagnostic
    return {
        "code": finding.code,
        "level": finding.level.value.title(),
        "origin": _object(finding),
        "reference": str(diagnostic.origin),
        "path": diagnostic.path,
        "message": _message(finding),
        "documentationUrl": f"{PAGE}#{finding.code.lower()}",
    }


def _where(finding: Finding) -> str:
    return f"{_object(finding)} {finding.diagnostic.origin}".lstrip()


def _object(finding: Finding) -> str:
    key = finding.diagnostic.object
    if key is None:
        return ""
    return f"{key.kind} {key.name}.{key.namespace}" if key.namespace else f"{key.kind} {key.name}"


def _message(finding: Finding) -> str:
    diagnostic = finding.diagnostic
    field = f"{diagnostic.path}: " if diagnostic.path else ""
    return f"{field}{diagnostic.reason}. {finding.message.remedy}".rstrip()
