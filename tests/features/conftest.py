"""One server for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.features.client import Fixture, serving


@pytest.fixture
async def xds() -> AsyncIterator[Fixture]:
    async with serving() as fixture:
        yield fixture
