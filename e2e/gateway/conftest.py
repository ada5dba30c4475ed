"""The gateway that the tests of this folder share, module by module."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.addresses import Addresses
from e2e.gateway.yard import Yard, new_yard


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def yard(tmp_path_factory: pytest.TempPathFactory, envoy: Path, addresses: Addresses) -> AsyncIterator[Yard]:
    async with new_yard(tmp_path_factory.mktemp("yard"), envoy, addresses) as yard:
        yield yard
