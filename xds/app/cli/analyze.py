"""``pilothouse analyze``."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from xds.app.cli import options
from xds.app.cli.validate import EXIT_FINDINGS, EXIT_UNPARSABLE, UNPARSABLE_CODES, Output
from xds.model.diagnostic import Severity

if TYPE_CHECKING:
    from xds.config.analysis import Finding


class Level(StrEnum):
    """``--failure-threshold``, istioctl's levels."""

    INFO = "Info"
    WARNING = "Warning"
    ERROR = "Error"


_AT_OR_ABOVE: Final = {
    Level.INFO: frozenset(Severity),
    Level.WARNING: frozenset({Severity.WARNING, Severity.ERROR}),
    Level.ERROR: frozenset({Severity.ERROR}),
}


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("analyze")(analyze)


def analyze(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Files and folders of YAML and JSON.", exists=True)
    ],
    mesh_config: options.MeshConfig = None,
    output: Annotated[Output, typer.Option("-o", "--output")] = Output.TEXT,
    failure_threshold: Annotated[
        Level, typer.Option(help="Exit with 79 if there is a finding of this level or above.", case_sensitive=False)
    ] = Level.ERROR,
) -> None:
    """Look for what the objects of a configuration say against each other, under Istio's message codes.

    One line for each finding, the worst first; docs/analysis.md has every code. Exits 0 without findings at or above
    the threshold, 79 with some, 65 if a file cannot be parsed, 64 for wrong usage, whatever the output format.
    """
    from xds.app.analysis import finding_document, finding_line
    from xds.app.expiry import credential_findings
    from xds.app.loading import load_settings
    from xds.app.offline import Offline
    from xds.config.analysis import analyse

    offline = Offline(load_settings(mesh_config), ())
    known = (*offline.read(paths), *credential_findings(offline.store.mesh, time.time()))
    findings = analyse(offline.store.configuration, known)
    if output is Output.JSON:
        print(json.dumps([finding_document(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            print(finding_line(finding))
        print(_summary(findings))
    raise typer.Exit(exit_code(findings, failure_threshold))


def exit_code(findings: Sequence[Finding], threshold: Level) -> int:
    """What the findings mean for a script."""
    if any(finding.diagnostic.code in UNPARSABLE_CODES for finding in findings):
        return EXIT_UNPARSABLE
    bad = _AT_OR_ABOVE[threshold]
    return EXIT_FINDINGS if any(finding.level in bad for finding in findings) else 0


def _summary(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.level for finding in findings)
    if not counts:
        return "no findings"
    names = {Severity.ERROR: "errors", Severity.WARNING: "warnings", Severity.INFO: "infos"}
    return ", ".join(f"{counts[level]} {name}" for level, name in names.items())
