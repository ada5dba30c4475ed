"""One mesh for each file of tests, in which every answer to the client is compared with what is explained."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.addresses import Addresses
from e2e.settings.world import World, running_world, until
from e2e.witness import Witness


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory, envoy: Path, addresses: Addresses) -> AsyncIterator[World]:
    async with running_world(tmp_path_factory.mktemp("settings"), envoy, addresses) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="module")
async def world(running: World) -> AsyncIterator[World]:
    """The mesh for one test, which begins without settings and leaves some that are in force."""
    witness = running.lab.witness = Witness(running.lab.config, running.file)
    running.configure("")
    await until(running.is_plain, "all proxies are as they were in the beginning")
    yield running
    running.lab.witness = None
    witness.compare()
