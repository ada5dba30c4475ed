"""One mesh for the tests of this folder's modules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.addresses import Addresses
from e2e.external_authorization.world import World, new_world


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory, envoy: Path, addresses: Addresses) -> AsyncIterator[World]:
    async with new_world(tmp_path_factory.mktemp("external"), envoy, addresses) as made:
        yield made
