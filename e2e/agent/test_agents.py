"""Workloads with agents beside them: what keeps going when something else does not."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from e2e.agent.application import HELD
from e2e.agent.world import REFUSED, World, until

pytestmark = pytest.mark.asyncio(loop_scope="package")

MOST_MEMORY = 60.0
"""MB, for an agent without its Envoy."""


async def test_they_speak_mutual_tls_with_certificates_of_their_agents(world: World) -> None:
    assert await world.ask() == world.client.identity
    assert await world.ask_in_plain_text() == REFUSED


async def test_metrics_of_three_are_one_page(world: World) -> None:
    lines = (await world.server.metrics()).splitlines()
    assert "till_open 1" in lines
    assert "<html>" not in lines
    assert any(line.startswith("envoy_cluster_upstream_cx_total{") for line in lines)
    assert 'pilothouse_agent_metrics_missing_total{of="application"} 0' in lines
    assert await world.server.metric("svid_expiry_timestamp_seconds") > time.time() + 3600


async def test_an_envoy_that_is_killed_is_started_again(world: World) -> None:
    before, killed = world.server.envoy(), await world.server.metric("envoy_restarts_total")
    os.kill(before, signal.SIGKILL)
    await until(lambda: world.server.metric("envoy_restarts_total"), killed + 1)
    await until(world.server.ready, True)
    assert world.server.envoy() != before
    await world.serves()


async def test_a_certificate_is_renewed_within_little_memory(world: World) -> None:
    seen = await world.server.metric('svid_renewals_total{result="success"}')
    old = world.authority.active.id
    world.authority.prepare()
    world.authority.activate()
    world.authority.taint(old)

    async def renewed() -> bool:
        return await world.server.metric('svid_renewals_total{result="success"}') > seen

    await until(renewed, True)
    assert world.server.resident() < MOST_MEMORY
    assert world.client.resident() < MOST_MEMORY
    await world.serves()


async def test_a_control_plane_that_is_gone_stops_nothing(world: World) -> None:
    await world.control_plane.stop()
    for _ in range(20):
        assert await world.ask() == world.client.identity
    assert await world.server.ready()
    await world.restart_control_plane()
    world.lab.write("more.yaml", _HEADER)

    async def answered_by_rule() -> bool:
        return await world.ask("/ruled") == REFUSED

    await until(answered_by_rule, True)
    assert await world.ask() == world.client.identity


_HEADER = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: server}
spec:
  hosts: [server]
  http:
  - match: [{uri: {exact: /ruled}}]
    directResponse: {status: 418}
  - route: [{destination: {host: server}}]
"""


async def test_a_request_under_way_is_answered_before_the_end(world: World) -> None:
    held = asyncio.create_task(world.ask(HELD))
    await world.application.arrived.wait()
    world.server.child.send(signal.SIGTERM)
    await until(world.server.ready, False)
    world.application.let_go.set()
    assert await held == world.client.identity
    assert await world.server.child.wait() == 0
    await world.server.start()  # with the certificate that it has kept, and no token
    await world.serves()


async def test_a_killed_agent_leaves_no_envoy(world: World) -> None:
    envoy = world.server.envoy()
    os.kill(world.server.child.pid, signal.SIGKILL)
    await world.server.child.wait()
    async with asyncio.timeout(20):
        while _exists(envoy):  # noqa: ASYNC110 - the kernel ends it
            await asyncio.sleep(0.01)
    await world.server.start()
    await world.serves()


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
