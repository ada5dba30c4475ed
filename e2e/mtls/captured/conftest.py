"""One mesh for the tests of this folder; each writes the policy that it needs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.capture.possible import need_namespaces
from e2e.mtls.captured.world import Captured, captured


@pytest_asyncio.fixture(loop_scope="session", scope="package")
async def mesh(tmp_path_factory: pytest.TempPathFactory, envoy: Path) -> AsyncIterator[Captured]:
    need_namespaces()
    async with captured(tmp_path_factory.mktemp("captured"), envoy) as made:
        yield made
