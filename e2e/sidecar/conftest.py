"""One mesh for the tests of a module."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.addresses import Addresses
from e2e.sidecar.world import World, new_world
from e2e.witness import Witness
from examples.bookinfo.topology import MESH_CONFIG


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory, envoy: Path, addresses: Addresses) -> AsyncIterator[World]:
    async with new_world(tmp_path_factory.mktemp("sidecar"), envoy, addresses) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="module")
async def world(running: World) -> AsyncIterator[World]:
    """The mesh, in which everything can be called, and every answer of the test is compared with what is explained."""
    await running.open()
    witness = running.lab.witness = Witness(running.lab.config, MESH_CONFIG)
    yield running
    running.lab.witness = None
    witness.compare()
