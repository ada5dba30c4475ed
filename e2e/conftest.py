"""Fixtures for tests with real Envoys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from e2e.addresses import Addresses
from e2e.lab import Lab, new_lab
from e2e.leftovers.session import nothing_is_left
from xds.app.demo.envoy_binary import find_envoy

__all__ = ["nothing_is_left"]


@pytest.fixture(scope="session")
def addresses() -> Addresses:
    return Addresses()


@pytest.fixture(scope="session")
def envoy() -> Path:
    return find_envoy()


@pytest.fixture
async def lab(tmp_path: Path, envoy: Path, addresses: Addresses) -> AsyncIterator[Lab]:
    """A mesh for one test. What its witness was told, if the test gives it one, is compared at the end."""
    async with new_lab(tmp_path, envoy, addresses) as lab:
        yield lab
        if lab.witness is not None:
            lab.witness.compare()
