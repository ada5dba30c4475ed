"""What a code means: the catalogue's entry behind every finding."""

from __future__ import annotations

from dataclasses import dataclass

from xds.model.diagnostic import Diagnostic, Severity


@dataclass(frozen=True, slots=True)
class Message:
    """One sort of finding.

    code: Istio's, such as ``IST0109``, where it has one for this, else ours, a few words with dashes. name: Istio's
    name for it, or ours. level: Istio's; None leaves it to each finding. meaning: what it says. remedy: what to do, a
    sentence that stands on its own behind the finding.
    """

    code: str
    name: str
    meaning: str
    remedy: str
    level: Severity | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A diagnostic with what its code means."""

    diagnostic: Diagnostic
    message: Message

    @property
    def level(self) -> Severity:
        """How bad it is, by Istio's judgement where Istio has one."""
        return self.message.level or self.diagnostic.severity

    @property
    def code(self) -> str:
        return self.message.code
