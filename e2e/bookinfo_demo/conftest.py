"""One mesh for the tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from e2e.bookinfo import relocated
from xds.app.demo.progress import Silence
from xds.app.demo.session import Running, up


@pytest_asyncio.fixture(loop_scope="session", scope="package")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    folder = tmp_path_factory.mktemp("bookinfo")
    async with up(relocated(folder), folder, Silence()) as running:
        yield running
