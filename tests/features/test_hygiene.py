"""What gRPC is asked to look after: connections that are dead, and messages that are too large."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from grpc import aio  # type: ignore[import-untyped]  # grpcio ships no types

from tests.features.client import Fixture, names, node, resource
from tests.features.forwarder import Forwarder
from xds.resources import CLUSTER, EMPTY_SNAPSHOT, ENDPOINT
from xds.server import BroadcastSource, XdsServer
from xds.wire.discovery_pb2 import DeltaDiscoveryRequest

KEEPALIVE = 1.5
"""Seconds. A third of it must do for a sign of life on a busy machine."""
NOTICED = 20.0
"""Seconds within which a dead connection must have been noticed, on a machine that is busy with the tests."""
MAX_MESSAGE_BYTES = 64 << 20


@asynccontextmanager
async def behind_a_forwarder() -> AsyncIterator[tuple[Fixture, Fixture, Forwarder]]:
    """A server as seen through a forwarder, and the same as seen directly."""
    source = BroadcastSource(EMPTY_SNAPSHOT)
    server = XdsServer(source, keepalive=KEEPALIVE)
    port = await server.start("127.0.0.1:0")
    forwarder = Forwarder(port)
    try:
        async with (
            forwarder.listening(),
            aio.insecure_channel(f"127.0.0.1:{forwarder.port}") as far,
            aio.insecure_channel(f"127.0.0.1:{port}") as near,
        ):
            yield Fixture(server, source, far, port), Fixture(server, source, near, port), forwarder
    finally:
        await server.stop(0.5)


async def test_a_client_that_is_there_but_silent_is_kept() -> None:
    async with behind_a_forwarder() as (_, xds, _), xds.delta() as stream:
        xds.publish(resource(CLUSTER, "c"))
        await stream.request(CLUSTER, who=node())
        await stream.request(CLUSTER, answers=await stream.receive())
        await asyncio.sleep(KEEPALIVE * 2)
        xds.publish(resource(CLUSTER, "c", "2"))
        assert names(await stream.receive()) == ["c"]


@pytest.mark.parametrize("unanswered", [False, True], ids=["silent", "with a response under way"])
async def test_a_half_open_connection_is_noticed_and_its_stream_freed(unanswered: bool) -> None:
    async with behind_a_forwarder() as (xds, direct, forwarder), xds.delta() as lost, direct.delta() as good:
        xds.publish(resource(CLUSTER, "c"))
        for stream in (lost, good):
            await stream.request(CLUSTER, who=node())
            await stream.request(CLUSTER, answers=await stream.receive())
        forwarder.stop_forwarding()
        if unanswered:
            xds.publish(resource(CLUSTER, "c", "2"), resource(ENDPOINT, "e", "x" * 1_000_000))
            await good.request(CLUSTER, answers=await good.receive())
        async with asyncio.timeout(NOTICED):
            while len(xds.board.streams) > 1:  # noqa: ASYNC110 - the board is read, it wakes nobody
                await asyncio.sleep(0.02)
        xds.publish(resource(CLUSTER, "c", "3"))
        assert names(await good.receive()) == ["c"]


async def test_a_message_larger_than_any_client_needs_is_refused(xds: Fixture) -> None:
    async with xds.delta() as good:
        await good.request(CLUSTER, who=node())
        await good.request(CLUSTER, answers=await good.receive())
        async with xds.delta() as bad:
            request = DeltaDiscoveryRequest(type_url=CLUSTER, resource_names_subscribe=["x" * MAX_MESSAGE_BYTES])
            await bad.call.write(request.SerializeToString())
            assert (await bad.end_status())[0] == "RESOURCE_EXHAUSTED"
        xds.publish(resource(CLUSTER, "c"))
        assert names(await good.receive()) == ["c"]
