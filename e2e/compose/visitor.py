"""Who visits the shop from outside, and a crowd of them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from e2e.compose.project import Project
from e2e.shop_page import Page
from examples.bookinfo.services.login import USER_COOKIE

_LIVE_SECONDS = 30.0


@dataclass
class Crowd:
    """Visitors who come all the time. failures: what they met instead of a whole page. instances: who served them."""

    visits: int = 0
    failures: list[str] = field(default_factory=list)
    instances: Counter[str] = field(default_factory=Counter)


class Visitor:
    """Asks the shop, and its issuer of tokens."""

    def __init__(self, session: aiohttp.ClientSession, project: Project) -> None:
        self._session = session
        self._project = project

    async def page(self, user: str | None = None) -> Page:
        """The page, as somebody sees it."""
        headers = {"cookie": f"{USER_COOKIE}={user}"} if user else {}
        async with self._session.get(f"{self._project.shop}/productpage", headers=headers) as response:
            return Page.of(response.status, await response.text())

    async def ratings(self, token: str | None = None) -> int:
        """The status of the answer to a question for which one has to be a member."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        async with self._session.get(f"{self._project.shop}/api/v1/products/0/ratings", headers=headers) as response:
            return response.status

    async def token(self) -> str:
        """A new token from the issuer."""
        async with self._session.get(f"{self._project.issuer}/token") as response:
            return (await response.text()).strip()

    async def until(self, ask: Callable[[], Awaitable[object]], expected: object) -> None:
        """Waits until the answer is this."""
        deadline = time.monotonic() + _LIVE_SECONDS
        while True:
            try:
                found = await ask()
            except aiohttp.ClientError as error:
                found = error
            if found == expected:
                return
            assert time.monotonic() < deadline, f"{found} instead of {expected}\n{self._project.logs()}"
            await asyncio.sleep(0.2)

    @asynccontextmanager
    async def crowd(self) -> AsyncIterator[Crowd]:
        """Visitors for as long as the context is open, four at a time, about twenty in a second."""
        crowd, over = Crowd(), asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(4):
                tasks.create_task(self._visit(crowd, over))
            try:
                yield crowd
            finally:
                over.set()

    async def _visit(self, crowd: Crowd, over: asyncio.Event) -> None:
        while not over.is_set():
            try:
                page = await self.page()
            except (aiohttp.ClientError, TimeoutError) as error:
                crowd.failures.append(repr(error))
            else:
                if page.status != 200 or not page.reviews:
                    crowd.failures.append(f"{page}")
                crowd.instances[page.instance] += 1
            crowd.visits += 1
            await asyncio.sleep(0.2)
