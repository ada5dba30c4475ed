"""One mesh for the tests of a module."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.addresses import Addresses
from e2e.envoyfilter.mesh import FilterMesh, filter_mesh


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def mesh(
    tmp_path_factory: pytest.TempPathFactory, envoy: Path, addresses: Addresses
) -> AsyncIterator[FilterMesh]:
    async with filter_mesh(tmp_path_factory.mktemp("envoyfilter"), envoy, addresses) as mesh:
        yield mesh
