"""What is told to a user about their configuration: always a place, an object, a path and a reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from xds.model.objects import ObjectKey, Origin


class Severity(StrEnum):
    """How bad a finding is. Only an error keeps an object, or part of one, from taking effect."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    path: the field, rooted at the document, in Istio's notation: ``spec.http[0].route[1].weight``; empty if the
    finding is about the whole document. code: a stable identifier such as ``unknown-field``, for tools and docs.
    """

    severity: Severity
    origin: Origin
    reason: str
    object: ObjectKey | None = None
    path: str = ""
    code: str = ""

    def __str__(self) -> str:
        """``error  file:line  Kind/name.ns  path: reason``, the format of ``pilothouse validate``."""
        what = str(self.object) if self.object else "-"
        where = f"{self.path}: " if self.path else ""
        return f"{self.severity}  {self.origin}  {what}  {where}{self.reason}"
