"""Behaviours 38 and 39: clusters on demand, and the types that are subscribed by name alone."""

from __future__ import annotations

import pytest

from tests.features.client import Fixture, contents, names, node, resource
from xds.resources import CLUSTER, SECRET, Resource, TypeUrl
from xds.resources.types import EXTENSION_CONFIG, RUNTIME

CDS = "/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters"
BY_NAME = pytest.mark.parametrize("url", [SECRET, EXTENSION_CONFIG, RUNTIME], ids=["SDS", "ECDS", "RTDS"])


@pytest.mark.parametrize("method", [CDS, None], ids=["alone", "aggregated"])
async def test_b38_a_cluster_on_demand_or_that_there_is_none(xds: Fixture, method: str | None) -> None:
    xds.publish(resource(CLUSTER, "a"), resource(CLUSTER, "b"))
    async with xds.delta(method) if method else xds.delta() as stream:
        await stream.request(CLUSTER, ["a"], who=node())
        response = await stream.receive()
        assert names(response) == ["a"]
        await stream.request(CLUSTER, answers=response)
        await stream.request(CLUSTER, ["unknown"])
        response = await stream.receive()
        assert (names(response), list(response.removed_resources)) == ([], ["unknown"])
        await stream.request(CLUSTER, answers=response)
        xds.publish(resource(CLUSTER, "a"), resource(CLUSTER, "b"), resource(CLUSTER, "unknown"))
        assert names(await stream.receive()) == ["unknown"]


async def test_b38_a_cluster_on_demand_beside_the_wildcard(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "a"), resource(CLUSTER, "b"))
    async with xds.delta() as stream:
        await stream.request(CLUSTER, who=node())
        response = await stream.receive()
        assert names(response) == ["a", "b"]
        await stream.request(CLUSTER, answers=response)
        await stream.request(CLUSTER, ["a", "unknown"])
        response = await stream.receive()
        assert (names(response), list(response.removed_resources)) == (["a"], ["unknown"])


@BY_NAME
async def test_b39_delta_sends_what_was_asked_for_by_name(xds: Fixture, url: TypeUrl) -> None:
    xds.publish(resource(url, "a"), resource(url, "b"))
    async with xds.delta() as stream:
        await stream.request(url, ["a", "later"], who=node())
        response = await stream.receive()
        missing = ["later"] if url != EXTENSION_CONFIG else []
        assert (names(response), list(response.removed_resources)) == (["a"], missing)
        await stream.request(url, answers=response)
        xds.publish(resource(url, "a", "2"), resource(url, "b", "2"), resource(url, "later"))
        responses = [await stream.receive()]
        await stream.request(url, answers=responses[0])
        if url == EXTENSION_CONFIG:  # one at a time
            responses.append(await stream.receive())
            await stream.request(url, answers=responses[1])
        assert sorted(name for response in responses for name in names(response)) == ["a", "later"]
        xds.publish(resource(url, "b", "3"), resource(url, "later"))
        if url == EXTENSION_CONFIG:
            await stream.assert_quiet()
            return
        response = await stream.receive()
        assert (names(response), list(response.removed_resources)) == ([], ["a"])


@BY_NAME
async def test_b39_sotw_sends_what_was_asked_for_by_name(xds: Fixture, url: TypeUrl) -> None:
    xds.publish(resource(url, "a", "a1"), resource(url, "b", "b1"))
    async with xds.sotw() as stream:
        await stream.request(url, "a", who=node())
        response = await stream.receive()
        assert contents(response) == ["a1"]
        await stream.request(url, "a", answers=response)
        xds.publish(resource(url, "a", "a2"), resource(url, "b", "b2"))
        response = await stream.receive()
        assert contents(response) == ["a2"]


@BY_NAME
async def test_b39_no_names_are_no_wildcard(xds: Fixture, url: TypeUrl) -> None:
    xds.publish(Resource.of(url, "a", b"1"))
    async with xds.delta() as stream, xds.sotw() as other:
        await stream.request(url, who=node())
        await other.request(url, who=node())
        await stream.assert_quiet()
        await other.assert_quiet()
