"""The ``pilothouse`` command. Names of commands, options and exit codes are a contract.

Exit codes: 0 success; 1 the command failed; 64 wrong usage; 65 a file cannot be parsed; 79 findings at or above the
threshold (istioctl's).
"""

from __future__ import annotations

import sys

import typer

from xds.app.cli import (
    agent,
    analyze,
    bootstrap,
    ca,
    capture,
    demo,
    explain,
    proxy_status,
    render,
    serve,
    token,
    validate,
    version,
    wait,
)
from xds.app.errors import StartError

EXIT_FAILED = 1
EXIT_USAGE = 64
_CLICK_USAGE = 2

app = typer.Typer(
    name="pilothouse",
    help="An Istio-compatible control plane for stock Envoy.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    serve,
    agent,
    bootstrap,
    render,
    validate,
    analyze,
    explain,
    wait,
    proxy_status,
    ca,
    token,
    capture,
    demo,
    version,
):
    command.register(app)


def main() -> None:
    """The entry point: runs a command and exits."""
    try:
        app()
    except StartError as error:
        print(f"pilothouse: {error}", file=sys.stderr)
        sys.exit(EXIT_FAILED)
    except SystemExit as exit_:
        # typer's own code for wrong usage is 2; ours, as istioctl's, is the one of sysexits.h
        sys.exit(EXIT_USAGE if exit_.code == _CLICK_USAGE else exit_.code)
