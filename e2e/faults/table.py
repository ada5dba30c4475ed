"""What was measured, as the page docs/faults.md."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_HEADING = """\
# Faults

What goes wrong in a running mesh, under a steady load of 50 requests a second through a sidecar, and what it costs.
`make e2e-faults` measures it anew and writes this page; the tests in `e2e/faults` fail if a single request does.

| fault | requests meanwhile | failed | afterwards |
|---|---|---|---|
"""

TARGET = os.environ.get("PILOTHOUSE_FAULTS_TABLE", "")
"""The page to write; none unless `make e2e-faults` asks for it."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One fault. afterwards: what came of it, in words and figures."""

    fault: str
    requests: int
    failed: int
    afterwards: str


def write(rows: list[Measured]) -> None:
    """Replaces the page, if that is asked for."""
    lines = (f"| {row.fault} | {row.requests} | {row.failed} | {row.afterwards} |\n" for row in rows)
    if TARGET:
        Path(TARGET).write_text(_HEADING + "".join(lines))
