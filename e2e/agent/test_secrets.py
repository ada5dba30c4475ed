"""Keys of workloads with agents stay on their hosts: Envoy has them from the agent's socket, and from nowhere else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial

import pytest

from e2e.agent.world import Workload, World, until

pytestmark = pytest.mark.asyncio(loop_scope="package")

ADMIN_PORT = 15000


async def test_envoys_ask_the_agent_and_the_control_plane_has_no_key(world: World) -> None:
    await world.serves()
    for workload in (world.client, world.server):
        asked = set(_asked(json.loads(await _admin(workload, "/config_dump"))))
        assert asked >= {("default", "sds-grpc"), ("ROOTCA", "sds-grpc")}
        assert {cluster for _, cluster in asked} == {"sds-grpc"}
    page = f"http://{world.lab.control_plane}:15014/debug/config_dump?proxyID=server.default"
    async with world.lab.session.get(page) as response:
        assert "private_key" not in await response.text()


async def test_a_root_is_replaced_without_a_failed_request(world: World) -> None:
    await world.serves()
    old, seen, done = world.authority.active.id, list[str](), asyncio.Event()

    async def ask() -> None:
        while not done.is_set():
            seen.append(await world.ask())

    asking = asyncio.create_task(ask())
    try:
        for secret, step in (
            ("ROOTCA", world.authority.prepare),
            ("default", partial(_activate_and_taint, world, old)),
            ("ROOTCA", partial(world.authority.revoke, old)),
        ):
            await _renewed(world, secret, step)
            enough = len(seen) + 10
            await until(partial(_has, seen, enough), True)
    finally:
        done.set()
        await asking
    assert set(seen) == {world.client.identity}


def _activate_and_taint(world: World, old: str) -> None:
    world.authority.activate()
    world.authority.taint(old)


async def _has(seen: list[str], count: int) -> bool:
    return len(seen) >= count


async def _renewed(world: World, secret: str, step: Callable[[], None]) -> None:
    """Makes a step, and waits until both Envoys have another version of a secret."""
    workloads = (world.client, world.server)
    before = [await _version(workload, secret) for workload in workloads]
    step()
    for workload, old in zip(workloads, before, strict=True):

        async def is_other(workload: Workload = workload, old: str = old) -> bool:
            return await _version(workload, secret) != old

        await until(is_other, True)


async def _version(workload: Workload, secret: str) -> str:
    return (await _admin(workload, f"/stats?filter=^sds.{secret}.version_text$")).strip()


async def _admin(workload: Workload, path: str) -> str:
    async with workload.lab.session.get(f"http://{workload.address}:{ADMIN_PORT}{path}") as response:
        return await response.text()


def _asked(value: object) -> list[tuple[str, str]]:
    """Each secret that a configuration asks for, and at which cluster."""
    if isinstance(value, list):
        return [found for item in value for found in _asked(item)]
    if not isinstance(value, dict):
        return []
    found = [pair for item in value.values() for pair in _asked(item)]
    if "sds_config" in value:
        source = value["sds_config"].get("api_config_source", {})
        services = source.get("grpc_services", [{}])
        found.append((value["name"], services[0].get("envoy_grpc", {}).get("cluster_name", "ads")))
    return found
