"""Behaviours 35 and 36: time to live. Fact 6: state of the world is refreshed with full resources."""

from __future__ import annotations

from datetime import timedelta

import pytest
from google.protobuf.any_pb2 import Any

from tests.features.client import DeltaStream, Fixture, names, node
from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, Resource, TypeUrl
from xds.wire.discovery_pb2 import DeltaDiscoveryResponse, DiscoveryResponse
from xds.wire.discovery_pb2 import Resource as Wrapper

SHORT = timedelta(milliseconds=250)
LONG = timedelta(hours=1)


def resource(url: TypeUrl, name: str, content: str = "1", ttl: timedelta | None = SHORT) -> Resource:
    return Resource.of(url, name, content.encode(), ttl=ttl)


def unwrapped(response: DiscoveryResponse) -> list[Wrapper]:
    assert {each.type_url for each in response.resources} == {"type.googleapis.com/envoy.service.discovery.v3.Resource"}
    return [Wrapper.FromString(each.value) for each in response.resources]


async def accepted(stream: DeltaStream) -> DeltaDiscoveryResponse:
    response = await stream.receive()
    await stream.request(response.type_url, answers=response)
    return response


async def test_b35_delta_carries_the_ttl(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "c", ttl=timedelta(seconds=90, milliseconds=5)))
    async with xds.delta() as stream:
        await stream.request(CLUSTER, who=node())
        (received,) = (await stream.receive()).resources
        assert received.ttl.ToTimedelta() == timedelta(seconds=90, milliseconds=5)
        assert received.resource == Any(type_url=CLUSTER, value=b"1")


async def test_b35_state_of_the_world_wraps_what_has_a_ttl_and_nothing_else(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "c", ttl=LONG), resource(CLUSTER, "plain", "2", ttl=None))
    async with xds.sotw() as stream:
        await stream.request(CLUSTER, who=node())
        wrapped, plain = (await stream.receive()).resources
        assert plain == Any(type_url=CLUSTER, value=b"2")
        received = Wrapper.FromString(wrapped.value)
        assert (received.name, received.ttl.ToTimedelta()) == ("c", LONG)
        assert received.resource == Any(type_url=CLUSTER, value=b"1")


@pytest.mark.parametrize("url", [CLUSTER, ENDPOINT, LISTENER, ROUTE])
async def test_b35_a_delta_heartbeat_has_the_version_and_no_body(xds: Fixture, url: TypeUrl) -> None:
    xds.publish(resource(url, "a"), resource(url, "for ever", ttl=None))
    async with xds.delta() as stream:
        await stream.request(url, ["a", "for ever"], who=node())
        first = await accepted(stream)
        for _ in range(3):
            response = await accepted(stream)
            (heartbeat,) = response.resources
            assert not heartbeat.HasField("resource")
            assert (heartbeat.name, heartbeat.version) == ("a", first.resources[0].version)
            assert heartbeat.ttl.ToTimedelta() == SHORT
            assert not response.removed_resources


@pytest.mark.parametrize("url", [CLUSTER, ENDPOINT, LISTENER, ROUTE])
async def test_b35_fact06_state_of_the_world_is_refreshed_with_full_resources(xds: Fixture, url: TypeUrl) -> None:
    xds.publish(resource(url, "a"), resource(url, "b", "2"))
    async with xds.sotw() as stream:
        await stream.request(url, "a", "b", who=node())
        first = await stream.receive()
        last = first
        for _ in range(3):
            await stream.request(url, "a", "b", answers=last)
            last = await stream.receive()
            assert last.resources == first.resources
            assert [each.resource.value for each in unwrapped(last)] == [b"1", b"2"]


@pytest.mark.parametrize("url", [CLUSTER, LISTENER])
async def test_b35_fact06_what_has_no_ttl_is_in_the_refresh_too(xds: Fixture, url: TypeUrl) -> None:
    xds.publish(resource(url, "a"), resource(url, "for ever", ttl=None))
    async with xds.sotw() as stream:
        await stream.request(url, who=node())
        first = await stream.receive()
        await stream.request(url, answers=first)
        assert (await stream.receive()).resources == first.resources


async def test_b35_clearing_the_ttl_removes_the_expiry(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "c"))
    async with xds.delta() as stream:
        await stream.request(CLUSTER, who=node())
        await accepted(stream)
        xds.publish(resource(CLUSTER, "c", ttl=None))
        response = await accepted(stream)
        while not response.resources[0].HasField("resource"):
            response = await accepted(stream)
        assert not response.resources[0].HasField("ttl")
        await stream.assert_quiet(SHORT.total_seconds())


async def test_b35_clearing_the_ttl_in_state_of_the_world(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "c"))
    async with xds.sotw() as stream:
        await stream.request(CLUSTER, who=node())
        await stream.request(CLUSTER, answers=await stream.receive())
        xds.publish(resource(CLUSTER, "c", ttl=None))
        response = await stream.receive()
        while response.resources[0].type_url != CLUSTER:
            await stream.request(CLUSTER, answers=response)
            response = await stream.receive()
        await stream.request(CLUSTER, answers=response)
        await stream.assert_quiet(SHORT.total_seconds())


async def test_b35_a_client_that_reconnects_with_everything_is_sent_heartbeats_only(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "c", ttl=LONG), resource(CLUSTER, "for ever", ttl=None))
    async with xds.delta() as stream:
        await stream.request(CLUSTER, who=node())
        versions = {each.name: each.version for each in (await accepted(stream)).resources}
    async with xds.delta() as stream:
        await stream.request(CLUSTER, initial=versions, who=node())
        response = await stream.receive()
        assert names(response) == ["c"]
        assert not response.resources[0].HasField("resource")


async def test_b35_the_accepted_version_is_kept_alive_when_the_next_is_rejected(xds: Fixture) -> None:
    good = resource(CLUSTER, "c")
    xds.publish(good)
    async with xds.delta() as stream:
        await stream.request(CLUSTER, who=node())
        await accepted(stream)
        xds.publish(resource(CLUSTER, "c", "bad", ttl=None))
        response = await stream.receive()
        while not response.resources[0].HasField("resource"):
            await stream.request(CLUSTER, answers=response)
            response = await stream.receive()
        await stream.request(CLUSTER, answers=response, error="c is bad")
        for _ in range(2):
            (heartbeat,) = (await accepted(stream)).resources
            assert (heartbeat.name, heartbeat.version) == ("c", good.version)
            assert not heartbeat.HasField("resource")


async def test_b36_a_ttl_needs_no_client_feature(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "c"))
    who = node()
    assert not who.client_features
    async with xds.delta() as stream:
        await stream.request(CLUSTER, who=who)
        assert (await stream.receive()).resources[0].ttl.ToTimedelta() == SHORT


async def test_b36_nothing_expires_that_nobody_gave_a_ttl(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "c", ttl=None))
    async with xds.delta() as stream, xds.sotw() as other:
        await stream.request(CLUSTER, who=node())
        assert not (await accepted(stream)).resources[0].HasField("ttl")
        await other.request(CLUSTER, who=node())
        assert (await other.receive()).resources[0].type_url == CLUSTER


def test_b35_a_ttl_is_a_part_of_the_version() -> None:
    versions = {resource(CLUSTER, "c", ttl=ttl).version for ttl in (None, SHORT, LONG)}
    assert len(versions) == 3


@pytest.mark.parametrize("ttl", [timedelta(), timedelta(seconds=-1)])
def test_b35_a_ttl_is_positive(ttl: timedelta) -> None:
    with pytest.raises(ValueError, match="the TTL of 'c'"):
        resource(CLUSTER, "c", ttl=ttl)
