"""Fixtures for tests of transparent capture."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.capture.mesh import CaptureMesh, capture_mesh
from e2e.capture.possible import need_namespaces


@pytest_asyncio.fixture(loop_scope="session", scope="package")
async def mesh(tmp_path_factory: pytest.TempPathFactory, envoy: Path) -> AsyncIterator[CaptureMesh]:
    """One mesh for all tests: each has services of its own in it."""
    need_namespaces()
    async with capture_mesh(tmp_path_factory.mktemp("capture"), envoy) as mesh:
        yield mesh
