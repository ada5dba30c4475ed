"""``pilothouse demo``."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("demo")(demo)


def demo(
    check: Annotated[bool, typer.Option("--check", help="Verify every step without a terminal; exit 0 or 1.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="With an identity for everybody, and mutual TLS alone.")
    ] = False,
) -> None:
    """Run Bookinfo on this machine: control plane, six services, seven Envoys, live traffic, a live table."""
    from xds.app.demo import run

    raise typer.Exit(asyncio.run(run(check=check, strict=strict)))
