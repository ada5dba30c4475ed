"""One mesh for the tests of a module, and a witness for each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.addresses import Addresses
from e2e.policy.mesh import PolicyMesh, policy_mesh
from e2e.witness import Witness
from examples.bookinfo.topology import MESH_CONFIG


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(
    tmp_path_factory: pytest.TempPathFactory, envoy: Path, addresses: Addresses
) -> AsyncIterator[PolicyMesh]:
    async with policy_mesh(tmp_path_factory.mktemp("policy"), envoy, addresses) as mesh:
        yield mesh


@pytest.fixture
def mesh(running: PolicyMesh) -> Iterator[PolicyMesh]:
    """The mesh, in which every answer of the test is compared with what is explained."""
    witness = running.lab.witness = Witness(running.lab.config, MESH_CONFIG)
    yield running
    running.lab.witness = None
    witness.compare()
