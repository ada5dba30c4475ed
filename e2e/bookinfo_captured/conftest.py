"""One mesh for the tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.bookinfo_captured.shop import SHOP
from e2e.capture.possible import need_namespaces
from e2e.netmesh import NetMesh, netmesh


@pytest_asyncio.fixture(loop_scope="session", scope="package")
async def mesh(tmp_path_factory: pytest.TempPathFactory, envoy: Path) -> AsyncIterator[NetMesh]:
    need_namespaces()
    async with netmesh(tmp_path_factory.mktemp("netmesh"), envoy, SHOP) as made:
        yield made
