"""A Pod goes, or is not ready any more, while it has work: it finishes that, and gets no more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping

import pytest

from e2e.lab import SERVICE_PORT
from e2e.policy.instance import Instance
from e2e.proofs import proves
from e2e.sidecar.world import World, document, who

pytestmark = pytest.mark.asyncio(loop_scope="module")

Pod = Mapping[str, object]

SERVICE = {"selector": {"app": "draining"}, "ports": [{"name": "http", "port": SERVICE_PORT}]}
TCP_SERVICE = {"selector": {"app": "draining"}, "ports": [{"name": "tcp", "port": SERVICE_PORT}]}
REQUEST = b"GET / HTTP/1.1\r\nhost: draining\r\n\r\n"


def pod(instance: Instance, *, ready: bool = True, **metadata: object) -> Pod:
    status = {"podIP": instance.address, "phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]}
    named = {"name": instance.name, "namespace": "default", "labels": {"app": "draining"}, **metadata}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": named, "spec": {"containers": []}, "status": status}


def removed(_instance: Instance) -> tuple[Pod, ...]:
    return ()


def unready(instance: Instance) -> tuple[Pod, ...]:
    return (pod(instance, ready=False),)


def terminating(instance: Instance) -> tuple[Pod, ...]:
    return (pod(instance, deletionTimestamp="2026-01-01T00:00:00Z"),)


ways = pytest.mark.parametrize("gone", [removed, unready, terminating])


@ways
@proves("Pod", "status.conditions.type", "status.conditions.status")
async def test_a_request_that_a_pod_has_is_answered_though_the_pod_goes(
    world: World, gone: Callable[[Instance], tuple[Pod, ...]]
) -> None:
    one, other = await world.instance("one"), await world.instance("other")
    world.write("draining", document("Service", "draining", SERVICE), pod(one))
    await world.until_called("draining", "one")
    one.held = "/held"
    one.gate.clear()
    in_flight = asyncio.ensure_future(world.client.get("draining", "/held"))

    async def is_there() -> bool:
        return one.waiting == 1

    await world.until(is_there, "the request at its Pod")
    world.write("draining", document("Service", "draining", SERVICE), pod(other), *gone(one))
    await world.until_called("draining", "other")
    assert {await world.called("draining") for _ in range(20)} == {"other"}
    assert not in_flight.done()
    one.gate.set()
    assert who(await in_flight) == "one"


@ways
async def test_a_connection_to_a_pod_lasts_though_the_pod_goes(
    world: World, gone: Callable[[Instance], tuple[Pod, ...]]
) -> None:
    one, other = await world.instance("one"), await world.instance("other")
    bind = world.lab.addresses.new()
    egress = {"port": {"number": SERVICE_PORT, "protocol": "TCP"}, "bind": bind, "hosts": ["./*"]}
    world.declare("client", {"egress": [egress]})
    world.write("draining", document("Service", "draining", TCP_SERVICE), pod(one))
    await until_connected(world, bind, "one")
    reader, writer = await asyncio.open_connection(bind, SERVICE_PORT)
    assert await said(reader, writer) == "one"
    world.write("draining", document("Service", "draining", TCP_SERVICE), pod(other), *gone(one))
    await until_connected(world, bind, "other")
    assert await said(reader, writer) == "one"
    writer.close()


async def until_connected(world: World, bind: str, expected: str) -> None:
    """Waits until a new connection leads there."""

    async def so() -> bool:
        try:
            reader, writer = await asyncio.open_connection(bind, SERVICE_PORT)
        except ConnectionRefusedError:
            return False
        found = await said(reader, writer)
        writer.close()
        return found == expected

    await world.until(so, f"a connection to {expected}")


async def said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    """Who answers a request on a connection; empty if it is ended instead."""
    writer.write(REQUEST)
    async with asyncio.timeout(10):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return ""
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        return str(json.loads(await reader.readexactly(length))["instance"])


@proves("Service", "spec.publishNotReadyAddresses")
async def test_a_service_may_want_pods_that_are_not_ready(world: World) -> None:
    instance = await world.instance("early")
    eager = {**SERVICE, "publishNotReadyAddresses": True}
    world.write("draining", document("Service", "draining", SERVICE), pod(instance, ready=False))
    await world.until_called("draining", "503")
    world.write("draining", document("Service", "draining", eager), pod(instance, ready=False))
    await world.until_called("draining", "early")
