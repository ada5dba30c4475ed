"""Many clients at once, clients that have been here for long, and clients at a stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from grpc import aio  # type: ignore[import-untyped]  # grpcio ships no types
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]  # ships no types

from tests.features.client import SOON, DeltaStream, Fixture, names, node, resource
from xds.resources import CLUSTER, EMPTY_SNAPSHOT, ENDPOINT
from xds.server import BroadcastSource, XdsServer
from xds.server.admission import LARGE_BYTES, LARGE_LIMIT


@asynccontextmanager
async def serving(admission: int = 64, max_age: float | None = None) -> AsyncIterator[Fixture]:
    source = BroadcastSource(EMPTY_SNAPSHOT)
    server = XdsServer(source, admission=admission, max_age=max_age)
    port = await server.start("127.0.0.1:0")
    try:
        async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Fixture(server, source, channel, port)
    finally:
        await server.stop(0.5)


async def opened(xds: Fixture, streams: AsyncExitStack, count: int) -> list[DeltaStream]:
    """So many streams, each with its clusters."""
    clients = [await streams.enter_async_context(xds.delta()) for _ in range(count)]
    await asyncio.gather(*(client.request(CLUSTER, who=node()) for client in clients))
    for response in await asyncio.gather(*(client.receive() for client in clients)):
        assert names(response) == ["c"]
    return clients


async def test_a_storm_of_clients_is_served_whatever_the_limit() -> None:
    async with serving(admission=3) as xds, AsyncExitStack() as streams:
        xds.publish(resource(CLUSTER, "c"))
        await opened(xds, streams, 200)
        assert len(xds.board.streams) == 200


async def test_a_client_that_does_not_read_keeps_the_others_out_only_for_a_while() -> None:
    async with serving(admission=1) as xds, xds.delta() as slow, xds.delta() as quick:
        xds.publish(resource(CLUSTER, "c"), resource(ENDPOINT, "e", "x" * 20_000_000))
        await slow.request(ENDPOINT, ["e"], who=node())
        await quick.request(CLUSTER, who=node())
        assert names(await quick.receive()) == ["c"]


async def test_clients_that_do_not_read_hold_up_large_responses_only_for_a_while() -> None:
    async with serving() as xds, AsyncExitStack() as streams:
        xds.publish(resource(ENDPOINT, "e", "x" * 20_000_000), resource(ENDPOINT, "large", "y" * LARGE_BYTES))
        for _ in range(LARGE_LIMIT):
            slow = await streams.enter_async_context(xds.delta())
            await slow.request(ENDPOINT, ["e"], who=node())
        quick = await streams.enter_async_context(xds.delta())
        await quick.request(ENDPOINT, ["large"], who=node())
        assert names(await quick.receive()) == ["large"]


async def test_a_client_that_goes_away_while_it_waits_is_forgotten() -> None:
    async with serving(admission=1) as xds, xds.delta() as slow:
        xds.publish(resource(CLUSTER, "c"), resource(ENDPOINT, "e", "x" * 20_000_000))
        await slow.request(ENDPOINT, ["e"], who=node())
        for _ in range(5):
            async with xds.delta() as impatient:
                await impatient.request(CLUSTER, who=node())
        async with AsyncExitStack() as streams:
            await opened(xds, streams, 1)


async def test_an_old_stream_ends_and_its_successor_has_another_connection() -> None:
    async with serving(max_age=0.8) as xds:
        peers = set()
        xds.publish(resource(CLUSTER, "c"))
        for _ in range(2):
            async with xds.delta() as stream:
                await stream.request(CLUSTER, who=node())
                await stream.request(CLUSTER, answers=await stream.receive())
                peers.add(xds.board.streams[-1].peer)
                assert (await stream.end_status())[0] == "OK"
        assert len(peers) == 2


async def test_streams_end_one_by_one_at_a_stop() -> None:
    async with serving() as xds, AsyncExitStack() as streams:
        xds.publish(resource(CLUSTER, "c"))
        clients = await opened(xds, streams, 20)
        loop = asyncio.get_running_loop()
        began = loop.time()
        stop = asyncio.create_task(xds.server.stop(1.0))
        ends = sorted(await asyncio.gather(*(_end(client) for client in clients)))
        await stop
        assert ends[-1] - ends[0] > 0.1
        assert loop.time() - began < 3.0


async def test_a_stop_takes_no_longer_than_it_may_with_clients_that_do_not_read() -> None:
    async with serving() as xds, xds.delta() as slow:
        xds.publish(resource(ENDPOINT, "e", "x" * 20_000_000))
        await slow.request(ENDPOINT, ["e"], who=node())
        await asyncio.sleep(0.2)
        async with asyncio.timeout(4.0):
            await xds.server.stop(0.5)


async def test_health_fails_before_streams_end() -> None:
    async with serving() as xds, AsyncExitStack() as streams:
        xds.publish(resource(CLUSTER, "c"))
        clients = await opened(xds, streams, 20)
        watch = health_pb2_grpc.HealthStub(xds.channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        stop = asyncio.create_task(xds.server.stop(2.0))
        async with asyncio.timeout(SOON):
            assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert not all(client.call.done() for client in clients)
        watch.cancel()
        await stop


async def _end(client: DeltaStream) -> float:
    assert (await client.end_status())[0] == "UNAVAILABLE"
    return asyncio.get_running_loop().time()
