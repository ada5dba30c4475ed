"""A plugin of pytest by which tests leave what they may not: ``-p e2e.leftovers.untidy``."""

from __future__ import annotations

import os
import subprocess
import tempfile

import pytest

from e2e.capture.conftest import missing


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Before the test: a program that goes on, a folder, and, if there can be any, a file system and a namespace."""
    subprocess.run(("sh", "-c", "sleep 600 &"), check=True)
    folder = tempfile.mkdtemp(prefix="untidy-")
    if not missing():
        subprocess.run(("mount", "-t", "tmpfs", item.name, folder), check=True)
        subprocess.run(("ip", "netns", "add", f"pilothouse-{os.getpid()}-0-untidy"), check=True)
