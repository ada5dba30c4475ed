"""One mesh for the tests of this folder: each leaves it as it found it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.capture.possible import need_namespaces
from e2e.captured_strict.world import Strict, strict_mesh


@pytest_asyncio.fixture(loop_scope="session", scope="package")
async def mesh(tmp_path_factory: pytest.TempPathFactory, envoy: Path) -> AsyncIterator[Strict]:
    need_namespaces()
    async with strict_mesh(tmp_path_factory.mktemp("captured_strict"), envoy) as made:
        yield made
