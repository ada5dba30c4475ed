"""A load on the mesh, beside those who try to get in all the while: every answer is of whom it is to be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from e2e.faults.machine.documents import FORBIDDEN
from e2e.faults.machine.world import VERSIONS, Machine
from e2e.faults.steps import LIVE_SECONDS, RATE
from e2e.load import Traffic, load
from e2e.load_mesh import HOST

_PAUSE_SECONDS = 0.1


@dataclass
class Watched:
    """traffic: what has become of the requests. let_in: who got in and should not have. current: whom all are for."""

    mesh: Machine
    traffic: Traffic
    current: str
    let_in: list[str] = field(default_factory=list)
    tried: int = 0

    def change(self) -> str:
        """Has all requests go to the other version, which is returned."""
        other = next(version for version in VERSIONS if version != self.current)
        self.mesh.send_all_to(other)
        return other

    async def until_live(self, version: str) -> float:
        """Waits until all requests are answered by a version; after how many seconds the first of them was sent."""
        began = time.monotonic()
        sent = await self.traffic.sees_only([version], LIVE_SECONDS)
        self.current = version
        return sent - began

    def assert_unchanged(self) -> None:
        """Nothing has been answered by another version so far."""
        assert set(self.traffic.answered) == {self.current}

    async def try_to_get_in(self) -> None:
        """For ever: in plain text past the client's Envoy, and to the path that nobody may ask for."""
        while True:
            for version in VERSIONS:
                if (answer := await self.mesh.get_in_plain_text(version)).status:
                    self.let_in.append(f"in plain text to {version}: {answer.status}")
            if (answer := await self.mesh.get(HOST, FORBIDDEN)).status != 403:
                self.let_in.append(f"to {FORBIDDEN}: {answer.status} {answer.body}")
            self.tried += 1
            await asyncio.sleep(_PAUSE_SECONDS)


@asynccontextmanager
async def watched(mesh: Machine) -> AsyncIterator[Watched]:
    """While the context is open, a load and intruders. Fails at its end if one of them got in."""
    async with load(mesh, HOST, RATE) as traffic:
        await traffic.sees_only(VERSIONS)
        made = Watched(mesh, traffic, traffic.latest[-1][1])
        intruders = asyncio.create_task(made.try_to_get_in())
        try:
            yield made
        finally:
            intruders.cancel()
            await asyncio.gather(intruders, return_exceptions=True)
    assert made.let_in == []
    assert made.tried > 0
