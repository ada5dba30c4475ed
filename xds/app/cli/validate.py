"""``pilothouse validate``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from xds.app.cli import options
from xds.model.diagnostic import Diagnostic, Severity

EXIT_UNPARSABLE = 65
EXIT_FINDINGS = 79
UNPARSABLE_CODES = frozenset({"yaml-syntax", "unreadable", "too-large"})


class Output(StrEnum):
    """``-o``."""

    TEXT = "text"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("validate")(validate)


def validate(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Files and folders of YAML and JSON.", exists=True)
    ],
    mesh_config: options.MeshConfig = None,
    output: Annotated[Output, typer.Option("-o", "--output")] = Output.TEXT,
) -> None:
    """Check configuration, all of it together, without a server.

    One line for each finding. Exits 0 without errors, 79 with errors, 65 if a file cannot be parsed, 64 for wrong
    usage.
    """
    from xds.app.documents import diagnostic_document
    from xds.app.expiry import credential_findings
    from xds.app.loading import load_settings
    from xds.app.offline import Offline

    offline = Offline(load_settings(mesh_config), ())
    diagnostics = (*offline.read(paths), *credential_findings(offline.store.mesh, time.time()))
    if output is Output.JSON:
        print(json.dumps([diagnostic_document(diagnostic) for diagnostic in diagnostics], indent=2))
    else:
        for diagnostic in diagnostics:
            print(diagnostic)
    raise typer.Exit(exit_code(diagnostics))


def exit_code(diagnostics: Iterable[Diagnostic]) -> int:
    """What the findings mean for a script."""
    errors = [diagnostic for diagnostic in diagnostics if diagnostic.severity is Severity.ERROR]
    if any(diagnostic.code in UNPARSABLE_CODES for diagnostic in errors):
        return EXIT_UNPARSABLE
    return EXIT_FINDINGS if errors else 0
