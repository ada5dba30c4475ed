"""What there is to say about the configuration, in the log: each finding when it is new and when it is gone."""

from __future__ import annotations

import structlog

from xds.model.diagnostic import Diagnostic, Severity

_log = structlog.get_logger("xds.app")


class FindingsLog:
    """Remembers what it has told."""

    def __init__(self) -> None:
        self._told: tuple[Diagnostic, ...] = ()

    def tell(self, findings: tuple[Diagnostic, ...]) -> None:
        """findings: all that hold now."""
        told, self._told = self._told, findings
        if findings == told:
            return
        known = set(told)
        levels = {Severity.ERROR: _log.error, Severity.WARNING: _log.warning, Severity.INFO: _log.info}
        for finding in findings:
            if finding not in known:
                levels[finding.severity](
                    finding.reason,
                    origin=str(finding.origin),
                    object=str(finding.object or ""),
                    path=finding.path,
                    code=finding.code,
                )
        for finding in known.difference(findings):
            if finding.severity is Severity.ERROR:
                _log.info("no longer a problem", origin=str(finding.origin), object=str(finding.object or ""))
