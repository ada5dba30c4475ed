"""gRPC and WebSockets through two capturing sidecars."""

from __future__ import annotations

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
import pytest
from grpc.aio import AioRpcError, Channel  # type: ignore[import-untyped]  # grpcio ships no types

from e2e.capture.caller import ANSWER_SECONDS
from e2e.capture.grpc_applications import METHOD, SECOND_METHOD, SLOW_METHOD, grpc_channel
from e2e.capture.mesh import CaptureMesh
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def call(channel: Channel, method: str, request: bytes = b"") -> bytes:
    answer: bytes = await channel.unary_unary(method)(request, timeout=ANSWER_SECONDS)
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


@pytest.mark.parametrize("status", ["UNAVAILABLE", "CANCELLED"])
async def test_a_call_is_tried_again_by_its_grpc_status(mesh: CaptureMesh, status: str) -> None:
    async with grpc_channel(mesh.client, "greeter", 9500) as channel:
        assert await call(channel, SECOND_METHOD, status.encode()) in (b"reviews-v1", b"reviews-v2")


async def test_a_call_is_not_tried_again_for_a_status_that_nobody_asked_for(mesh: CaptureMesh) -> None:
    async with grpc_channel(mesh.client, "greeter", 9500) as channel:
        with pytest.raises(AioRpcError) as error:
            await call(channel, SECOND_METHOD, b"RESOURCE_EXHAUSTED")

    assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@proves("VirtualService", "spec.http.retries.attempts", "spec.http.retries.retryOn")
async def test_a_route_says_which_grpc_status_is_tried_again(mesh: CaptureMesh) -> None:
    async with grpc_channel(mesh.client, "greeter-again", 9500) as channel:
        assert await call(channel, SECOND_METHOD, b"RESOURCE_EXHAUSTED") in (b"reviews-v1", b"reviews-v2")


async def test_a_call_of_a_browser_is_translated(mesh: CaptureMesh) -> None:
    status, body = await mesh.client.call_by_grpc_web(f"http://greeter:9501{METHOD}")

    assert status == 200
    assert body[:1] == b"\x00"
    assert body[5:15] in (b"reviews-v1", b"reviews-v2")
    assert b"grpc-status:0" in body[15:]


async def test_a_websocket_is_upgraded_on_the_whole_way(mesh: CaptureMesh) -> None:
    async with mesh.client.websocket("http://reviews:9080/socket") as say:
        assert await say("hello") == "reviews-v1 hello"
