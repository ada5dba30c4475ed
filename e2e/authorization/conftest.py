"""One mesh for all tests of the folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.addresses import Addresses
from e2e.authorization.world import World, new_world


@pytest_asyncio.fixture(loop_scope="package", scope="package")
async def world(tmp_path_factory: pytest.TempPathFactory, envoy: Path, addresses: Addresses) -> AsyncIterator[World]:
    async with new_world(tmp_path_factory.mktemp("authorization"), envoy, addresses) as made:
        yield made
