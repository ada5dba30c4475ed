"""One instance of two loses its proxy under load, while requests are under way in both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from e2e.agent.world import Workload
from e2e.echo import HELD
from e2e.faults.secured import VERSIONS, Secured, takes_plain_text, until
from e2e.faults.steps import LIVE_SECONDS, RATE
from e2e.faults.table import Fault, Measured
from e2e.load import Traffic, load
from e2e.load_mesh import HOST
from xds.app.demo.shop import Answer

_UNDER_WAY = 5
"""Requests that each instance has when one of them goes."""

_NOTICED_SECONDS = 0.5
"""For the client's Envoy to see that connections are closed, on a busy machine. The next Envoy comes later."""


async def until_gone(pid: int) -> None:
    async def gone() -> bool:
        return not exists(pid)

    await until(gone, f"process {pid} is gone")


def exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def nothing(_: Workload) -> None:
    """It comes back by itself."""


async def lose(
    secured: Secured,
    measured: list[Measured],
    fault: Fault,
    kill: Callable[[Workload], Awaitable[None]],
    start: Callable[[Workload], Awaitable[None]] = nothing,
) -> None:
    """Has one instance's proxy killed while each has requests: those and no others fail. Until when it serves again."""
    lost, other = VERSIONS
    async with load(secured.mesh.client, HOST, RATE) as traffic:
        await traffic.sees_all(VERSIONS)
        under_way = {version: await hold(secured, version) for version in VERSIONS}
        killed = time.monotonic()
        await kill(secured.servers[lost])
        gone = time.monotonic()
        serving = asyncio.create_task(first_answer(traffic, lost, gone))
        await start(secured.servers[lost])
        seconds = await serving - killed
        for held in secured.held.values():
            held.let_go.set()
        answers = {version: await asyncio.gather(*requests) for version, requests in under_way.items()}
        await traffic.sees_all(VERSIONS)
        assert not await takes_plain_text(secured.mesh)
    requests, failed = traffic.requests + len(VERSIONS) * _UNDER_WAY, len(traffic.failures) + _UNDER_WAY
    text = f"{failed} requests were under way in it; it serves again after {seconds:.1f} s, and nobody else noticed"
    measured.append(Measured(fault, requests, failed, text))
    assert [answer.ok for answer in answers[lost]] == [False] * _UNDER_WAY
    assert [answer.ok for answer in answers[other]] == [True] * _UNDER_WAY
    assert all(sent < gone + _NOTICED_SECONDS for sent in traffic.failed), traffic.failures


async def hold(secured: Secured, version: str) -> list[asyncio.Task[Answer]]:
    """Requests that have arrived at an instance, and wait there."""
    held = secured.held[version]
    held.let_go.clear()
    expected = held.arrived + _UNDER_WAY
    requests = [asyncio.create_task(secured.mesh.client.get(HOST, f"/{version}{HELD}")) for _ in range(_UNDER_WAY)]

    async def arrived() -> bool:
        return held.arrived == expected

    await until(arrived, f"{_UNDER_WAY} requests are under way in {version}")
    return requests


async def first_answer(traffic: Traffic, instance: str, since: float) -> float:
    """When an instance first answered a request that was sent since then."""
    await traffic.sees(instance, since, LIVE_SECONDS)
    return time.monotonic()
