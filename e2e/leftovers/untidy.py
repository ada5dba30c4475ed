"""A plugin of pytest by which tests leave what they may not: ``-p e2e.leftovers.untidy``."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from e2e.capture.possible import missing

_NO_PROCESS = 1 << 22
"""Ids of processes are below that."""


def clock_of_nobody(pid: int) -> Path:
    """A file as it is left by a process that has had a clock of its own. pid: of the run."""
    return Path("/dev/shm", f"faketime_shm_{_NO_PROCESS + pid}")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Before the test: a program that goes on, a folder, a clock, and, where it can, a mount and a namespace."""
    subprocess.run(("sh", "-c", "sleep 600 &"), check=True)
    folder = tempfile.mkdtemp(prefix="untidy-")
    clock_of_nobody(os.getpid()).touch()
    if not missing():
        subprocess.run(("mount", "-t", "tmpfs", item.name, folder), check=True)
        subprocess.run(("ip", "netns", "add", f"pilothouse-{os.getpid()}-0-untidy"), check=True)
