"""What mutual TLS and its proxies hang on is killed: an Envoy, an agent, the control plane for long, the authority."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.addresses import Addresses
from e2e.agent.world import Workload
from e2e.faults.losing import lose, until_gone
from e2e.faults.secured import VERSIONS, Secured, new_secured, takes_plain_text, to_all, until
from e2e.faults.steps import RATE, live, record
from e2e.faults.table import Fault, Measured
from e2e.load import load
from e2e.load_mesh import HOST, rule

pytestmark = pytest.mark.asyncio(loop_scope="module")

_DETECTION = {"consecutive5xxErrors": 1, "baseEjectionTime": "8s", "maxEjectionPercent": 50}
"""One failure is enough; an agent that is started again takes less time than that."""

_PATIENT = 5
"""After so many attempts in vain Envoy's pauses are as long as they get."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def secured(
    tmp_path_factory: pytest.TempPathFactory, envoy: Path, addresses: Addresses
) -> AsyncIterator[Secured]:
    async with new_secured(tmp_path_factory.mktemp("secured"), envoy, addresses) as made:
        yield made


async def test_an_envoy_is_killed(secured: Secured, measured: list[Measured]) -> None:
    async def kill(server: Workload) -> None:
        killed = server.envoy()
        os.kill(killed, signal.SIGKILL)
        await until_gone(killed)

    await lose(secured, measured, Fault.ENVOY_KILLED, kill)


async def test_an_agent_is_killed(secured: Secured, measured: list[Measured]) -> None:
    await lose(secured, measured, Fault.AGENT_KILLED, kill_agent, Workload.start)


async def test_an_agent_is_killed_and_its_instance_is_preferred(secured: Secured, measured: list[Measured]) -> None:
    """The one with the fewest requests is the one that is gone. It is ejected until it is there again."""
    usual = rule(*VERSIONS, policy="ROUND_ROBIN")
    secured.mesh.put("destination-rule", rule(*VERSIONS, detection=_DETECTION))
    await until(partial(detects, secured), "the client's Envoy ejects")
    try:
        await lose(secured, measured, Fault.LEAST_LOADED_KILLED, kill_agent, Workload.start)
    finally:
        secured.mesh.put("destination-rule", usual)


async def kill_agent(server: Workload) -> None:
    envoy = server.envoy()
    server.child.send(signal.SIGKILL)
    await server.child.wait()
    await until_gone(envoy)


async def detects(secured: Secured) -> bool:
    """Whether the client's Envoy knows what to eject."""
    return "outlier_detection" in await secured.mesh.client.admin("/config_dump?resource=dynamic_active_clusters")


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
        assert not await takes_plain_text(secured.mesh)
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
        assert not await takes_plain_text(secured.mesh)
    text = (
        f"{away:.0f} s in truth; all agents stay ready; a change is live {seconds:.2f} s after it is back, "
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
        failed = await workload.proxy.admin("/stats?filter=^cluster.xds-grpc.upstream_cx_connect_fail$")
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
        assert not await takes_plain_text(secured.mesh)
        await traffic.sees_all(VERSIONS)
    text = f"each step reaches all proxies {min(seconds):.1f} to {max(seconds):.1f} s after it, the restart included"
    record(measured, Fault.AUTHORITY_KILLED, traffic, text)


async def killed_in(secured: Secured, secret: str, *steps: Callable[[], object], told: int = 0) -> float:
    """Makes steps, has the authority killed once so many proxies have another version of a secret, and starts it again.

    Seconds until all have one.
    """
    proxies = [each.proxy for each in secured.workloads]
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
