"""One mesh for the tests of a module."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.addresses import Addresses
from e2e.envoyfilter.mesh import FilterMesh, filter_mesh
from e2e.witness import Witness
from examples.bookinfo.topology import MESH_CONFIG


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def mesh(
    tmp_path_factory: pytest.TempPathFactory, envoy: Path, addresses: Addresses
) -> AsyncIterator[FilterMesh]:
    async with filter_mesh(tmp_path_factory.mktemp("envoyfilter"), envoy, addresses) as mesh:
        yield mesh


@pytest.fixture
def witness(mesh: FilterMesh) -> Iterator[None]:
    """What the client is answered is compared with what is explained."""
    witness = mesh.lab.witness = Witness(mesh.lab.config, MESH_CONFIG)
    yield
    mesh.lab.witness = None
    witness.compare()
