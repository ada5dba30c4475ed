"""One mesh for the tests of this folder; each begins without rules for tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.addresses import Addresses
from e2e.jwt.world import JwtWorld, new_jwt_world


@pytest_asyncio.fixture(loop_scope="session", scope="package")
async def running(
    tmp_path_factory: pytest.TempPathFactory, envoy: Path, addresses: Addresses
) -> AsyncIterator[JwtWorld]:
    async with new_jwt_world(tmp_path_factory.mktemp("jwt"), envoy, addresses) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def world(running: JwtWorld) -> JwtWorld:
    await running.without_rules()
    return running
