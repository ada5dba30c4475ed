"""Fixtures for tests of transparent capture."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.capture.mesh import CaptureMesh, capture_mesh


def missing() -> str:
    """Why there can be no network namespaces here; empty if there can."""
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    programs = [name for name in ("ip", "iptables-restore", "setpriv", "unshare") if shutil.which(name) is None]
    if programs:
        return f"needs {', '.join(programs)} for network namespaces (Debian: iproute2, iptables, util-linux)"
    allowed = subprocess.run(("unshare", "--net", "--mount", "true"), stderr=subprocess.DEVNULL, check=False)
    return "needs CAP_SYS_ADMIN for network namespaces" if allowed.returncode else ""


@pytest_asyncio.fixture(loop_scope="session", scope="package")
async def mesh(tmp_path_factory: pytest.TempPathFactory, envoy: Path) -> AsyncIterator[CaptureMesh]:
    """One mesh for all tests: each has services of its own in it."""
    if reason := missing():
        pytest.skip(reason)
    async with capture_mesh(tmp_path_factory.mktemp("capture"), envoy) as mesh:
        yield mesh
