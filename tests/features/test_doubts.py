"""Fact 8: a delta client may have what it rejected, and does not list it when it comes again."""

from __future__ import annotations

import asyncio

import pytest

from tests.features.client import SOON, Fixture, names, node, resource
from xds.resources import CLUSTER, ROUTE, TypeUrl
from xds.server import SyncState

METHODS = {
    CLUSTER: "/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters",
    ROUTE: "/envoy.service.route.v3.RouteDiscoveryService/DeltaRoutes",
}
OTHER = "sidecar~127.77.1.2~app.default~default.svc.cluster.local"


async def no_stream(xds: Fixture) -> None:
    """Until the server knows that the client has gone."""
    async with asyncio.timeout(SOON):
        while xds.board.streams:  # noqa: ASYNC110 - read, wakes nobody
            await asyncio.sleep(0.001)


async def synced(xds: Fixture, url: TypeUrl) -> None:
    """Until the server knows that the client has accepted everything."""
    async with asyncio.timeout(SOON):
        while xds.board.streams[0].types[url].state is not SyncState.SYNCED:  # noqa: ASYNC110 - read, wakes nobody
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("url", METHODS)
@pytest.mark.parametrize("error", ["b is broken", "", None], ids=["with a name", "without a name", "unanswered"])
async def test_fact08_what_was_rejected_in_part_is_removed_after_a_reconnect(
    xds: Fixture, url: TypeUrl, error: str | None
) -> None:
    xds.publish(resource(url, "a"))
    asked = [] if url == CLUSTER else ["a", "applied", "b"]
    async with xds.delta(METHODS[url]) as stream:
        await stream.request(url, asked, who=node())
        response = await stream.receive()
        await stream.request(url, answers=response)
        xds.publish(resource(url, "a"), resource(url, "applied"), resource(url, "b", "bad"))
        rejected = await stream.receive()
        if error is not None:
            await stream.request(url, answers=rejected, error=error or "no")
            await stream.receive()
    await no_stream(xds)
    xds.publish(resource(url, "a"))
    initial = {"a": response.resources[0].version}
    async with xds.delta(METHODS[url]) as stream:
        await stream.request(url, asked, initial=initial, who=node())
        response = await stream.receive()
        assert names(response) == []
        assert {"applied"} <= set(response.removed_resources) <= {"applied", "b"}
        await stream.request(url, answers=response)
        await synced(xds, url)
    await no_stream(xds)
    async with xds.delta(METHODS[url]) as stream:
        await stream.request(url, [] if url == CLUSTER else ["a"], initial=initial, who=node())
        await stream.assert_quiet()


async def test_fact08_the_version_that_is_listed_may_not_be_the_one_in_force(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "a", "1"))
    async with xds.delta() as stream:
        await stream.request(CLUSTER, who=node())
        response = await stream.receive()
        await stream.request(CLUSTER, answers=response)
        xds.publish(resource(CLUSTER, "a", "2"), resource(CLUSTER, "b", "bad"))
        await stream.receive()
    await no_stream(xds)
    xds.publish(resource(CLUSTER, "a", "1"))
    async with xds.delta() as stream:
        await stream.request(CLUSTER, initial={"a": response.resources[0].version}, who=node())
        again = await stream.receive()
        assert [(each.name, each.resource.value) for each in again.resources] == [("a", b"1")]


async def test_fact08_nobody_else_is_told(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "a"))
    async with xds.delta() as stream:
        await stream.request(CLUSTER, who=node())
        response = await stream.receive()
        await stream.request(CLUSTER, answers=response, error="a is broken")
        await stream.request(ROUTE, ["x"])
        await stream.receive()
    await no_stream(xds)
    xds.publish(resource(CLUSTER, "b"))
    async with xds.delta() as stream:
        await stream.request(CLUSTER, who=node(OTHER))
        response = await stream.receive()
        assert (names(response), list(response.removed_resources)) == (["b"], [])
        await stream.request(CLUSTER, answers=response)
        await stream.assert_quiet()
