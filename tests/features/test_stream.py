"""Behaviours 1 to 6: the stream itself."""

from __future__ import annotations

import asyncio

import pytest

from tests.features.client import SOON, Fixture, names, node, resource
from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET, TypeUrl
from xds.resources.types import EXTENSION_CONFIG, RUNTIME, SCOPED_ROUTE, VIRTUAL_HOST
from xds.server.registrar import HEALTH_INFORMATION
from xds.server.services import METHODS

TYPED = {method.name: method for method in METHODS if method.only}


async def test_b01_node_is_read_from_the_first_message_only(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "c"))
    async with xds.sotw() as stream:
        await stream.request(CLUSTER, who=node())
        await stream.request(CLUSTER, answers=await stream.receive(), who=node("nonsense"))
        await stream.request(LISTENER)
        await stream.receive()
        assert [str(status.proxy) for status in xds.board.streams] == ["app.default"]


async def test_b01_missing_first_node_is_invalid_argument(xds: Fixture) -> None:
    async with xds.delta() as stream:
        await stream.request(CLUSTER)
        code, details = await stream.end_status()
    assert (code, "node" in details) == ("INVALID_ARGUMENT", True)


async def test_b01_unreadable_node_is_invalid_argument(xds: Fixture) -> None:
    async with xds.sotw() as stream:
        await stream.request(CLUSTER, who=node("my-envoy"))
        code, details = await stream.end_status()
    assert (code, "'my-envoy'" in details) == ("INVALID_ARGUMENT", True)


async def test_b02_empty_type_url_on_ads_is_invalid_argument(xds: Fixture) -> None:
    async with xds.sotw() as stream:
        await stream.request("", who=node())
        assert (await stream.end_status())[0] == "INVALID_ARGUMENT"


async def test_b02_type_url_is_implied_on_typed_services(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "c"))
    async with xds.sotw("/envoy.service.cluster.v3.ClusterDiscoveryService/StreamClusters") as stream:
        await stream.request("", who=node())
        assert (await stream.receive()).type_url == CLUSTER


async def test_b02_another_type_on_a_typed_service_is_invalid_argument(xds: Fixture) -> None:
    async with xds.sotw("/envoy.service.cluster.v3.ClusterDiscoveryService/StreamClusters") as stream:
        await stream.request(LISTENER, who=node())
        assert (await stream.end_status())[0] == "INVALID_ARGUMENT"


def test_b03_every_type_has_its_services() -> None:
    both = {CLUSTER, ENDPOINT, LISTENER, ROUTE, SCOPED_ROUTE, SECRET, RUNTIME, EXTENSION_CONFIG}
    assert {method.only for method in METHODS if method.name.startswith("Stream")} == both | {None}
    assert {method.only for method in METHODS if method.name.startswith("Delta")} == both | {VIRTUAL_HOST, None}


@pytest.mark.parametrize("name", TYPED)
async def test_b03_typed_services(xds: Fixture, name: str) -> None:
    method = TYPED[name]
    assert method.only
    xds.publish(resource(method.only, "r", name))
    path = f"/{method.service}/{method.name}"
    if name.startswith("Stream"):
        async with xds.sotw(path) as sotw:
            await sotw.request(method.only, "r", who=node())
            assert [each.value for each in (await sotw.receive()).resources] == [name.encode()]
    else:
        async with xds.delta(path) as delta:
            await delta.request(method.only, ["r"], who=node())
            assert names(await delta.receive()) == ["r"]


async def test_b04_nonces_are_unique_over_all_types_of_a_stream(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "c"), resource(ENDPOINT, "e"), resource(SECRET, "s"))
    async with xds.delta() as stream:
        await stream.request(CLUSTER, who=node())
        await stream.request(ENDPOINT, ["e"])
        await stream.request(SECRET, ["s"])
        responses = await stream.receive_all(3)
    assert len({response.nonce for response in responses}) == 3


async def test_b04_a_nonce_is_not_valid_on_the_next_stream(xds: Fixture) -> None:
    xds.publish(resource(ENDPOINT, "e"))
    async with xds.sotw() as stream:
        await stream.request(ENDPOINT, "e", who=node())
        old = await stream.receive()
    async with xds.sotw() as stream:
        await stream.request(ENDPOINT, "e", answers=old, who=node())
        new = await stream.receive()
        assert new.nonce != old.nonce
        await stream.request(ENDPOINT, "e", "f", answers=old)
        await stream.assert_quiet()


async def test_b05_half_close_ends_cleanly_and_frees_the_stream(xds: Fixture) -> None:
    async with xds.delta() as stream:
        await stream.request(CLUSTER, who=node())
        await stream.receive()
        assert len(xds.board.streams) == 1
        await stream.call.done_writing()
        assert (await stream.end_status())[0] == "OK"
    await _no_streams(xds)


async def test_b05_a_client_that_goes_away_frees_the_stream(xds: Fixture) -> None:
    async with xds.delta() as stream:
        await stream.request(CLUSTER, who=node())
        await stream.receive()
    await _no_streams(xds)


async def test_b06_an_unknown_type_holds_the_stream_open(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "c"))
    async with xds.sotw() as stream:
        await stream.request("type.googleapis.com/acme.Thing", who=node())
        await stream.request(CLUSTER)
        assert (await stream.receive()).type_url == CLUSTER
        xds.publish(resource(CLUSTER, "c", "2"), resource(TypeUrl("type.googleapis.com/acme.Other"), "x"))


async def test_a_report_of_health_is_no_subscription(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "c"))
    async with xds.delta() as stream:
        await stream.request(HEALTH_INFORMATION, who=node(), error="GET /healthz: 500")
        await stream.request(CLUSTER)
        assert (await stream.receive()).type_url == CLUSTER
        (status,) = xds.board.streams
        assert HEALTH_INFORMATION not in status.types


async def _no_streams(xds: Fixture) -> None:
    async with asyncio.timeout(SOON):
        while xds.board.streams:  # noqa: ASYNC110 - the board is read, it wakes nobody
            await asyncio.sleep(0.01)
