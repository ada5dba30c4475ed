"""gRPC and WebSockets through two capturing sidecars."""

from __future__ import annotations

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
import pytest
from grpc.aio import AioRpcError, Channel  # type: ignore[import-untyped]  # grpcio ships no types

from e2e.capture.caller import ANSWER_SECONDS
from e2e.capture.grpc_applications import METHOD, SLOW_METHOD, grpc_channel
from e2e.capture.mesh import CaptureMesh

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def call(channel: Channel, method: str) -> bytes:
    answer: bytes = await channel.unary_unary(method)(b"", timeout=ANSWER_SECONDS)
    return answer


async def test_calls_of_one_connection_are_spread_over_the_endpoints(mesh: CaptureMesh) -> None:
    async with grpc_channel(mesh.client, "greeter", 9500) as channel:
        seen = {await call(channel, METHOD) for _ in range(20)}

    assert seen == {b"reviews-v1", b"reviews-v2"}


async def test_the_timeout_of_a_route_ends_a_call(mesh: CaptureMesh) -> None:
    async with grpc_channel(mesh.client, "greeter", 9500) as channel:
        with pytest.raises(AioRpcError) as error:
            await call(channel, SLOW_METHOD)

    assert (error.value.code(), error.value.details()) == (grpc.StatusCode.UNAVAILABLE, "upstream request timeout")


async def test_a_websocket_is_upgraded_on_the_whole_way(mesh: CaptureMesh) -> None:
    assert await mesh.client.say_by_websocket("http://reviews:9080/socket", "hello") == "reviews-v1 hello"
