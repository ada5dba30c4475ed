"""Behaviours 32 and 33: make before break over the types of an aggregated stream, in both variants."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.features.client import DeltaStream, Fixture, node, resource, serving
from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, Reference, Resource, TypeUrl
from xds.wire.discovery_pb2 import DeltaDiscoveryResponse

SUBSCRIPTIONS: tuple[tuple[TypeUrl, tuple[str, ...]], ...] = (
    (CLUSTER, ()),
    (ENDPOINT, ("old", "new")),
    (LISTENER, ()),
    (ROUTE, ("web",)),
)


def mesh(cluster: str, content: str = "1") -> tuple[Resource, ...]:
    """A listener whose route leads to one cluster with endpoints."""
    return (
        resource(CLUSTER, cluster, content, (Reference(ENDPOINT, cluster),)),
        resource(ENDPOINT, cluster, content),
        resource(LISTENER, "web", "1", (Reference(ROUTE, "web"),)),
        resource(ROUTE, "web", leads_to(cluster)),
    )


def leads_to(cluster: str) -> str:
    """A route's content: the name as protobuf encodes a string."""
    return f"{chr(len(cluster))}{cluster}"


@pytest.fixture
async def impatient() -> AsyncIterator[Fixture]:
    """A server that waits half a second for answers."""
    async with serving(patience=0.5) as fixture:
        yield fixture


async def start(xds: Fixture, stream: DeltaStream) -> None:
    """Subscribe to everything and accept it, in Envoy's order."""
    xds.publish(*mesh("old"))
    for url, names in SUBSCRIPTIONS:
        await stream.request(url, names, who=node() if url == CLUSTER else None)
        await accept(stream)


async def accept(stream: DeltaStream) -> DeltaDiscoveryResponse:
    response = await stream.receive()
    await stream.request(response.type_url, answers=response)
    return response


def said(response: DeltaDiscoveryResponse) -> tuple[str, list[str], list[str]]:
    return response.type_url, [each.name for each in response.resources], list(response.removed_resources)


async def test_b32_clusters_endpoints_routes_then_removals(xds: Fixture) -> None:
    async with xds.delta() as stream:
        await start(xds, stream)
        xds.publish(*mesh("new"))
        assert [said(await accept(stream)) for _ in range(5)] == [
            (CLUSTER, ["new"], []),
            (ENDPOINT, ["new"], []),
            (ROUTE, ["web"], []),
            (CLUSTER, [], ["old"]),
            (ENDPOINT, [], ["old"]),
        ]


async def test_b32_fact01_a_route_waits_until_its_cluster_is_accepted_but_endpoints_do_not(xds: Fixture) -> None:
    async with xds.delta() as stream:
        await start(xds, stream)
        xds.publish(*mesh("new"))
        clusters = await stream.receive()
        assert said(await accept(stream)) == (ENDPOINT, ["new"], [])
        xds.publish(*mesh("new", "2"))  # its endpoints need not wait
        assert said(await accept(stream)) == (ENDPOINT, ["new"], [])
        await stream.request(CLUSTER, answers=clusters)
        assert {(await accept(stream)).type_url for _ in range(3)} == {CLUSTER, ENDPOINT, ROUTE}


async def test_b32_fact09_a_route_waits_no_longer_than_the_time_out(impatient: Fixture) -> None:
    async with impatient.delta() as stream:
        await start(impatient, stream)
        impatient.publish(*mesh("new"))
        assert said(await stream.receive()) == (CLUSTER, ["new"], [])
        assert said(await accept(stream)) == (ENDPOINT, ["new"], [])
        assert said(await accept(stream)) == (ROUTE, ["web"], [])


async def test_b32_sotw_sends_the_union_of_clusters_first(xds: Fixture) -> None:
    async with xds.sotw() as stream:
        xds.publish(*mesh("old"))
        for url, names in SUBSCRIPTIONS:
            await stream.request(url, *names, who=node() if url == CLUSTER else None)
            await stream.request(url, *names, answers=await stream.receive())
        xds.publish(*mesh("new", "2"))
        received = []
        for _ in range(4):
            response = await stream.receive()
            received.append((response.type_url, [each.value.decode() for each in response.resources]))
            await stream.request(response.type_url, *dict(SUBSCRIPTIONS)[TypeUrl(response.type_url)], answers=response)
        assert received == [(CLUSTER, ["2", "1"]), (ENDPOINT, ["2"]), (ROUTE, [leads_to("new")]), (CLUSTER, ["2"])]


async def test_b33_a_nack_cancels_the_removals(xds: Fixture) -> None:
    async with xds.delta() as stream:
        await start(xds, stream)
        xds.publish(*mesh("new"))
        await accept(stream)
        await accept(stream)
        routes = await stream.receive()
        assert routes.type_url == ROUTE
        await stream.request(ROUTE, answers=routes, error="web is broken")
        await stream.assert_quiet()


async def test_b33_removals_follow_once_the_route_is_accepted(impatient: Fixture) -> None:
    async with impatient.delta() as stream:
        await start(impatient, stream)
        impatient.publish(*mesh("new"))
        await accept(stream)
        await accept(stream)
        await stream.request(ROUTE, answers=await stream.receive(), error="web is broken")
        clusters, endpoints, listener, _ = mesh("new")
        impatient.publish(clusters, endpoints, listener, resource(ROUTE, "web", "repaired"))
        assert said(await accept(stream)) == (ROUTE, ["web"], [])
        assert said(await accept(stream)) == (CLUSTER, [], ["old"])


async def test_removals_wait_for_the_routes_of_a_new_listener(xds: Fixture) -> None:
    async with xds.delta() as stream:
        await start(xds, stream)
        xds.publish(
            resource(CLUSTER, "new", "1", (Reference(ENDPOINT, "new"),)),
            resource(ENDPOINT, "new"),
            resource(LISTENER, "web", "2", (Reference(ROUTE, "other"),)),
            resource(ROUTE, "other", "new"),
        )
        assert [said(await accept(stream))[0] for _ in range(4)] == [CLUSTER, ENDPOINT, LISTENER, ROUTE]
        await stream.request(ROUTE, ["other"])
        assert said(await accept(stream)) == (ROUTE, ["other"], [])
        assert said(await accept(stream)) == (CLUSTER, [], ["old"])
