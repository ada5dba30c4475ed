"""One mesh for the faults of the machine around it: each test leaves it as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.capture.possible import need_namespaces
from e2e.faults.machine.world import Machine, machine


@pytest_asyncio.fixture(loop_scope="session", scope="package")
async def mesh(tmp_path_factory: pytest.TempPathFactory, envoy: Path) -> AsyncIterator[Machine]:
    need_namespaces()
    async with machine(tmp_path_factory.mktemp("machine"), envoy) as made:
        yield made
