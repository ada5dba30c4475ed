"""Fixtures for tests with real Envoys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from e2e.addresses import Addresses
from e2e.lab import Lab
from xds.app.demo.envoy_binary import find_envoy
from xds.app.demo.processes import Processes
from xds.app.demo.shop import new_session


@pytest.fixture(scope="session")
def addresses() -> Addresses:
    return Addresses()


@pytest.fixture(scope="session")
def envoy() -> Path:
    return find_envoy()


@pytest.fixture
async def lab(tmp_path: Path, envoy: Path, addresses: Addresses) -> AsyncIterator[Lab]:
    async with AsyncExitStack() as stack:
        processes = await stack.enter_async_context(Processes(tmp_path))
        session = await stack.enter_async_context(new_session())
        yield Lab(tmp_path, envoy, addresses, stack, processes, session)
