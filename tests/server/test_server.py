"""Listening, stopping, health, reflection, and clients that misbehave."""

from __future__ import annotations

import gc

import pytest
from grpc import aio  # type: ignore[import-untyped]  # grpcio ships no types
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]  # ships no types
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc  # type: ignore[import-untyped]  # no types
from structlog.testing import capture_logs

from tests.features.client import ADS, Fixture, names, node, resource, serving
from xds.model.objects import ObjectKey, Origin
from xds.protocol import DeltaRequest, Incoming
from xds.resources import CLUSTER, ENDPOINT, LISTENER, Resource
from xds.server import BroadcastSource, ListenError, XdsServer
from xds.wire.discovery_pb2 import DeltaDiscoveryRequest


async def test_a_port_in_use_is_an_error() -> None:
    async with serving() as xds:
        with pytest.raises(ListenError, match=str(xds.port)):
            await XdsServer(BroadcastSource()).start(f"127.0.0.1:{xds.port}")


async def test_stop_ends_streams_and_frees_the_port() -> None:
    async with serving() as xds, xds.delta() as stream:
        await stream.request(CLUSTER, who=node())
        await stream.receive()
        await xds.server.stop(2.0)
        assert await stream.end_status() == ("UNAVAILABLE", "the server is shutting down")
        assert xds.board.streams == ()
        again = XdsServer(BroadcastSource())
        assert await again.start(f"127.0.0.1:{xds.port}") == xds.port
        await again.stop()


async def test_health() -> None:
    async with serving() as xds:
        stub = health_pb2_grpc.HealthStub(xds.channel)
        response = await stub.Check(health_pb2.HealthCheckRequest())
        assert response.status == health_pb2.HealthCheckResponse.SERVING


async def test_reflection_lists_the_services() -> None:
    async with serving() as xds:
        stub = reflection_pb2_grpc.ServerReflectionStub(xds.channel)
        call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
        async for response in call:
            listed = {service.name for service in response.list_services_response.service}
            break
        call.cancel()
        assert {ADS[1:], "grpc.health.v1.Health"} <= listed


async def test_garbage_ends_only_its_own_stream() -> None:
    async with serving() as xds, xds.delta() as good, xds.delta() as bad:
        await good.request(CLUSTER, who=node())
        await good.request(CLUSTER, answers=await good.receive())
        with capture_logs() as logs:
            await bad.call.write(b"\xff\xff\xff")
            assert (await bad.end_status())[0] == "INVALID_ARGUMENT"
        assert [log["event"] for log in logs] == ["a stream was refused"]
        xds.publish(resource(CLUSTER, "c"))
        assert names(await good.receive()) == ["c"]


async def test_a_large_first_request_is_received() -> None:
    async with serving() as xds, xds.delta() as stream:
        versions = {f"cluster-with-a-rather-long-name-{number}": "v" * 64 for number in range(60_000)}
        request = DeltaDiscoveryRequest(node=node(), type_url=CLUSTER, initial_resource_versions=versions)
        data = request.SerializeToString()
        assert len(data) > 4 << 20
        await stream.call.write(data)
        await stream.request(LISTENER)
        assert (await stream.receive()).type_url == LISTENER


async def test_what_a_client_has_asked_is_not_kept() -> None:
    async with serving() as xds, xds.delta() as stream:
        xds.publish(resource(CLUSTER, "c"))
        await stream.request(CLUSTER, who=node())
        await stream.request(CLUSTER, answers=await stream.receive())
        await stream.request(LISTENER)
        await stream.receive()
        gc.collect()
        assert not [each for each in gc.get_objects() if isinstance(each, DeltaRequest | Incoming)]


async def test_a_client_that_does_not_read_gets_the_latest_state_later() -> None:
    async with serving() as xds, xds.delta() as slow, xds.delta() as quick:
        large = "x" * 200_000
        xds.publish(*(resource(ENDPOINT, str(number), f"0{large}") for number in range(10)))
        for stream in (slow, quick):
            await stream.request(ENDPOINT, [str(number) for number in range(10)], who=node())
        for version in range(5):
            xds.publish(*(resource(ENDPOINT, str(number), f"{version}{large}") for number in range(10)))
            await quick.request(ENDPOINT, answers=await quick.receive())
        await slow.request(ENDPOINT, answers=await slow.receive())
        assert {each.resource.value[:1] for each in (await slow.receive()).resources} == {b"4"}


async def test_a_rejection_is_logged_once_with_what_stands_behind_it() -> None:
    key = ObjectKey("DestinationRule", "default", "reviews")
    source = BroadcastSource()
    server = XdsServer(source, locate=lambda asked: Origin("dr.yaml", 7) if asked == key else None)
    port = await server.start("127.0.0.1:0")
    try:
        async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            xds = Fixture(server, source, channel, port)
            xds.publish(Resource.of(CLUSTER, "reviews", b"x", origins=(key,)))
            with capture_logs() as logs:
                async with xds.delta() as stream:
                    await stream.request(CLUSTER, who=node())
                    response = await stream.receive()
                    await stream.request(CLUSTER, answers=response, error="reviews: no such filter")
                    await stream.request(CLUSTER, answers=response, error="reviews: no such filter")
                    await stream.request(LISTENER)
                    await stream.receive()
    finally:
        await server.stop(0.5)
    (log,) = logs
    assert log["reason"] == "reviews: no such filter"
    assert log["resources"] == ["reviews"]
    assert log["objects"] == ["DestinationRule/reviews.default (dr.yaml:7)"]
    assert log["proxy"] == "app.default"
