"""One project for all tests, which change it one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
import pytest_asyncio

from e2e.compose.project import Project, need_docker, up
from e2e.compose.visitor import Visitor


@pytest.fixture(scope="package")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The running project."""
    need_docker()
    with up(tmp_path_factory.mktemp("compose")) as project:
        yield project


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(project: Project) -> AsyncIterator[Visitor]:
    """Somebody who visits the shop from outside."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield Visitor(session, project)
