"""How many connections there are to a service, how long they last, and how they are kept."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from e2e.lab import SERVICE_PORT
from e2e.policy.instance import Instance
from e2e.policy.mesh import PolicyMesh
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="module")

_KEEPALIVE = "02"
"""What Linux calls the timer of a connection that is kept alive."""


def tcp(**settings: object) -> object:
    return {"connectionPool": {"tcp": settings}}


def http(**settings: object) -> object:
    return {"connectionPool": {"http": settings}}


async def until_stat(mesh: PolicyMesh, service: str, name: str) -> None:
    async def is_counted() -> bool:
        return await mesh.cluster_stat(service, name) > 0

    await mesh.until(is_counted, f"{name} of {service}")


async def until_waiting(mesh: PolicyMesh, instance: Instance, count: int) -> None:
    async def so_many() -> bool:
        return instance.waiting == count

    await mesh.until(so_many, f"{count} requests that wait at {instance.name}")


@proves("DestinationRule", "spec.trafficPolicy.connectionPool.http.http2MaxRequests")
async def test_requests_that_are_too_many_are_refused(mesh: PolicyMesh) -> None:
    instance = await mesh.instance("a")
    await mesh.add("one-request", http(http2MaxRequests=1), [instance])
    instance.gate.clear()
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(mesh.ask("one-request")) for _ in range(4)]

        async def others_are_refused() -> bool:
            return sum(each.done() for each in asked) == 3

        await mesh.until(others_are_refused, "three refusals")
        instance.gate.set()
    assert sorted(each.result().status for each in asked) == [200, 503, 503, 503]


@proves("DestinationRule", "spec.trafficPolicy.connectionPool.http.maxConcurrentStreams")
async def test_an_http2_connection_has_so_many_streams(mesh: PolicyMesh) -> None:
    """The server takes the requests of a connection one after the other, so that two that wait have one each."""
    instance = await mesh.instance("a")
    await mesh.add("one-stream", http(h2UpgradePolicy="UPGRADE", maxConcurrentStreams=1), [instance])
    instance.gate.clear()
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(mesh.ask("one-stream")) for _ in range(2)]
        await until_waiting(mesh, instance, 2)
        instance.gate.set()
    assert len({each.result().received["connection"] for each in asked}) == 2


@pytest.mark.parametrize(
    ("name", "policy"), [("idle", http(idleTimeout="0.1s")), ("idle-tcp", tcp(idleTimeout="0.1s"))]
)
@proves(
    "DestinationRule",
    "spec.trafficPolicy.connectionPool.http.idleTimeout",
    "spec.trafficPolicy.connectionPool.tcp.idleTimeout",
)
async def test_a_connection_without_requests_is_closed(mesh: PolicyMesh, name: str, policy: object) -> None:
    await mesh.add(name, policy, [await mesh.instance("a")])
    await until_stat(mesh, name, "upstream_cx_idle_timeout")
    assert (await mesh.ask(name)).received["connection"] != 1


@proves("DestinationRule", "spec.trafficPolicy.connectionPool.tcp.maxConnectionDuration")
async def test_a_connection_ends_after_a_time(mesh: PolicyMesh) -> None:
    await mesh.add("ageing", tcp(maxConnectionDuration="0.3s"), [await mesh.instance("a")])

    async def another_connection() -> bool:
        return (await mesh.ask("ageing")).received["connection"] != 1

    await mesh.until(another_connection, "a second connection")
    assert await mesh.cluster_stat("ageing", "upstream_cx_max_duration_reached") > 0


@contextmanager
def deaf(address: str) -> Iterator[None]:
    """Something listens on port 9080, but its queue is full: connections to it never come about."""
    with socket.create_server((address, SERVICE_PORT), backlog=0), socket.create_connection((address, SERVICE_PORT)):
        yield


@proves("DestinationRule", "spec.trafficPolicy.connectionPool.tcp.connectTimeout")
async def test_a_connection_has_to_come_about_in_time(mesh: PolicyMesh) -> None:
    """By default it has ten seconds. The first request may still meet the end of a connection that there was."""
    instance = await mesh.instance("a")
    await mesh.add("deaf", tcp(connectTimeout="0.1s"), [instance])
    await instance.stop()

    async def is_in_vain() -> bool:
        assert (await mesh.ask("deaf")).status == 503
        return await mesh.cluster_stat("deaf", "upstream_cx_connect_timeout") > 0

    with deaf(instance.address):
        async with asyncio.timeout(8):
            await mesh.until(is_in_vain, "a connection that takes too long")


def timers(address: str) -> set[str]:
    """Of the connections to an address, as Linux has them."""
    there = f"{int.from_bytes(socket.inet_aton(address), 'little'):08X}:{SERVICE_PORT:04X}"
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return {row[5].partition(":")[0] for row in rows if row[2] == there}


@proves("DestinationRule", "spec.trafficPolicy.connectionPool.tcp.tcpKeepalive.time")
async def test_a_connection_is_kept_alive(mesh: PolicyMesh) -> None:
    """Nothing else makes the system wait for something on a connection that is idle."""
    kept, plain = await mesh.instance("a"), await mesh.instance("b")
    await mesh.add("kept", tcp(tcpKeepalive={"time": "1000s", "interval": "75s", "probes": 3}), [kept])
    await mesh.add("plain", None, [plain])

    async def only_one_is_kept() -> bool:
        return timers(kept.address) == {_KEEPALIVE} and timers(plain.address) == {"00"}

    await mesh.until(only_one_is_kept, "the timer of a connection that is kept alive")
