"""What mutual TLS and its proxies hang on is killed: the authority, the control plane for long, an Envoy, an agent."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.addresses import Addresses
from e2e.agent.world import Workload
from e2e.echo import HELD
from e2e.faults.secured import VERSIONS, Secured, new_secured, proxy_of, to_all, until
from e2e.faults.steps import RATE, live, record
from e2e.faults.table import Fault, Measured
from e2e.load import Traffic, load
from e2e.load_mesh import HOST
from xds.app.demo.shop import Answer

pytestmark = pytest.mark.asyncio(loop_scope="module")

_PATIENT = 5
"""After so many attempts in vain Envoy's pauses are as long as they get."""

_UNDER_WAY = 5
"""Requests that each instance has when one of them goes."""

_NOTICED_SECONDS = 0.5
"""For the client's Envoy to see that connections are closed, on a busy machine. The next Envoy comes later."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def secured(
    tmp_path_factory: pytest.TempPathFactory, envoy: Path, addresses: Addresses
) -> AsyncIterator[Secured]:
    async with new_secured(tmp_path_factory.mktemp("secured"), envoy, addresses) as made:
        yield made


async def test_the_control_plane_is_away_for_long(secured: Secured, measured: list[Measured]) -> None:
    async with load(secured.mesh.client, HOST, RATE) as traffic:
        await traffic.sees_all(VERSIONS)
        failed = [await renewals(each, "failure") for each in secured.workloads]
        obtained = [await renewals(each, "success") for each in secured.workloads]
        await secured.kill_control_plane()
        gone = time.monotonic()
        for workload, before in zip(secured.workloads, failed, strict=True):
            await until(has_more_renewals(workload, "failure", before), f"{workload.name} wants a certificate")
            await until(is_patient(workload), f"{workload.name} has tried {_PATIENT} times")
            assert await workload.ready()
        assert not await secured.takes_plain_text()
        away = time.monotonic() - gone
        await traffic.sees_all(VERSIONS)
        await secured.start_control_plane()
        back = time.monotonic()
        seconds = await live(secured.mesh, traffic, "v2")
        for workload, before in zip(secured.workloads, obtained, strict=True):
            await until(has_more_renewals(workload, "success", before), f"{workload.name} has a new certificate")
        certificates = time.monotonic() - back
        secured.mesh.put("virtual-service", to_all())
        await traffic.sees_all(VERSIONS)
        assert not await secured.takes_plain_text()
    text = (
        f"{away:.0f} s in truth; all agents stay ready; a change is live {seconds:.1f} s after it is back, "
        f"every certificate renewed after {certificates:.1f} s"
    )
    record(measured, Fault.CONTROL_PLANE_AWAY, traffic, text)


async def renewals(workload: Workload, result: str) -> float:
    return await workload.metric(f'svid_renewals_total{{result="{result}"}}')


def has_more_renewals(workload: Workload, result: str, before: float) -> Callable[[], Awaitable[bool]]:
    async def more() -> bool:
        return await renewals(workload, result) > before

    return more


def is_patient(workload: Workload) -> Callable[[], Awaitable[bool]]:
    async def patient() -> bool:
        failed = await proxy_of(workload).admin("/stats?filter=^cluster.xds-grpc.upstream_cx_connect_fail$")
        return int(failed.rpartition(" ")[2]) >= _PATIENT

    return patient


async def test_the_authority_is_killed_while_its_root_is_replaced(secured: Secured, measured: list[Measured]) -> None:
    authority, old = secured.authority, secured.authority.active.id
    async with load(secured.mesh.client, HOST, RATE) as traffic:
        await traffic.sees_all(VERSIONS)
        seconds = [
            await killed_in(secured, "ROOTCA", authority.prepare),
            await killed_in(secured, "default", authority.activate, lambda: authority.taint(old), told=1),
            await killed_in(secured, "ROOTCA", lambda: authority.revoke(old)),
        ]
        assert authority.stored.authorities.keys() == {authority.active.id} != {old}
        assert not await secured.takes_plain_text()
        await traffic.sees_all(VERSIONS)
    text = f"each step reaches all proxies {min(seconds):.1f} to {max(seconds):.1f} s after it, the restart included"
    record(measured, Fault.AUTHORITY_KILLED, traffic, text)


async def killed_in(secured: Secured, secret: str, *steps: Callable[[], object], told: int = 0) -> float:
    """Makes steps, has the authority killed once so many proxies have another version of a secret, and starts it again.

    Seconds until all have one.
    """
    proxies = [proxy_of(each) for each in secured.workloads]
    query = f"/stats?filter=^sds.{secret}.version_text$"
    before = [await proxy.admin(query) for proxy in proxies]

    async def have_it() -> int:
        return sum([await proxy.admin(query) != old for proxy, old in zip(proxies, before, strict=True)])

    async def some_have_it() -> bool:
        return await have_it() >= told

    async def all_have_it() -> bool:
        return await have_it() == len(proxies)

    began = time.monotonic()
    for step in steps:
        step()
    await until(some_have_it, f"{secret} is new at {told}")
    await secured.kill_control_plane()
    await secured.start_control_plane()
    await until(all_have_it, f"{secret} is new everywhere")
    return time.monotonic() - began


async def test_an_envoy_is_killed(secured: Secured, measured: list[Measured]) -> None:
    async def kill(server: Workload) -> None:
        killed = server.envoy()
        os.kill(killed, signal.SIGKILL)
        await until_gone(killed)

    await lose(secured, measured, Fault.ENVOY_KILLED, kill)


async def test_an_agent_is_killed(secured: Secured, measured: list[Measured]) -> None:
    async def kill(server: Workload) -> None:
        envoy = server.envoy()
        server.child.send(signal.SIGKILL)
        await server.child.wait()
        await until_gone(envoy)

    await lose(secured, measured, Fault.AGENT_KILLED, kill, Workload.start)


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
        assert not await secured.takes_plain_text()
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
    while not any(sent > since and by == instance for sent, by in traffic.latest):  # noqa: ASYNC110 - a list is read
        await asyncio.sleep(0.005)
    return time.monotonic()
