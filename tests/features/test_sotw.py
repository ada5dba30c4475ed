"""Behaviours 7 to 20: state of the world."""

from __future__ import annotations

import pytest

from tests.features.client import Fixture, contents, node, resource
from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET, Reference, TypeUrl
from xds.resources.types import SCOPED_ROUTE, VIRTUAL_HOST
from xds.server import SyncState


async def test_b07_an_old_version_without_error_is_an_ack(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "c"))
    async with xds.sotw() as stream:
        await stream.request(CLUSTER, who=node())
        response = await stream.receive()
        await stream.request(CLUSTER, version="something old", nonce=response.nonce)
        await stream.request(LISTENER)
        await stream.receive()
        assert xds.board.streams[0].types[CLUSTER].state is SyncState.SYNCED


async def test_b08_nack_is_recorded_and_not_resent(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "c"))
    async with xds.sotw() as stream:
        await stream.request(CLUSTER, who=node())
        await stream.request(CLUSTER, answers=await stream.receive(), error="c is broken")
        await stream.assert_quiet()
        status = xds.board.streams[0].types[CLUSTER]
        assert status.state is SyncState.ERROR
        assert status.nack is not None
        assert (status.nack.message, [each.name for each in status.nack.resources]) == ("c is broken", ["c"])


async def test_b08_new_content_follows_a_nack(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "c", "bad"))
    async with xds.sotw() as stream:
        await stream.request(CLUSTER, who=node())
        await stream.request(CLUSTER, answers=await stream.receive(), error="c is broken")
        xds.publish(resource(CLUSTER, "c", "good"))
        assert contents(await stream.receive()) == ["good"]


async def test_b08_the_subscription_in_a_nack_is_honoured(xds: Fixture) -> None:
    xds.publish(resource(ENDPOINT, "a", "bad"), resource(ENDPOINT, "b", "good"))
    async with xds.sotw() as stream:
        await stream.request(ENDPOINT, "a", who=node())
        await stream.request(ENDPOINT, "a", "b", answers=await stream.receive(), error="a is broken")
        assert contents(await stream.receive()) == ["good"]


async def test_b09_a_stale_nonce_is_ignored(xds: Fixture) -> None:
    xds.publish(resource(ENDPOINT, "a"), resource(ENDPOINT, "b"))
    async with xds.sotw() as stream:
        await stream.request(ENDPOINT, "a", who=node())
        old = await stream.receive()
        await stream.request(ENDPOINT, "a", answers=old)
        xds.publish(resource(ENDPOINT, "a", "2"), resource(ENDPOINT, "b"))
        await stream.receive()
        await stream.request(ENDPOINT, "a", "b", answers=old)
        await stream.assert_quiet()


async def test_b10_only_the_newest_request_needs_an_answer(xds: Fixture) -> None:
    xds.publish(*(resource(ENDPOINT, name, name) for name in "abc"))
    async with xds.sotw() as stream:
        await stream.request(ENDPOINT, "a", who=node())
        first = await stream.receive()
        await stream.request(ENDPOINT, "a", "b", answers=first)
        await stream.request(ENDPOINT, "a", "b", "c", answers=first)
        second = await stream.receive()
        assert contents(second) == ["b"]
        await stream.request(ENDPOINT, "a", "b", "c", answers=second)
        assert contents(await stream.receive()) == ["c"]


async def test_b11_an_ack_produces_no_response(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "c"))
    async with xds.sotw() as stream:
        await stream.request(CLUSTER, who=node())
        response = await stream.receive()
        await stream.request(CLUSTER, answers=response)
        await stream.request(CLUSTER, answers=response)
        await stream.assert_quiet()


@pytest.mark.parametrize("kind", [CLUSTER, LISTENER])
async def test_b12_full_state_and_empty_means_delete_all(xds: Fixture, kind: TypeUrl) -> None:
    xds.publish(resource(kind, "a", "1"), resource(kind, "b", "2"))
    async with xds.sotw() as stream:
        await stream.request(kind, who=node())
        response = await stream.receive()
        assert contents(response) == ["1", "2"]
        await stream.request(kind, answers=response)
        xds.publish(resource(kind, "a", "1"), resource(kind, "b", "3"))
        response = await stream.receive()
        assert contents(response) == ["1", "3"]
        await stream.request(kind, answers=response)
        xds.publish()
        while contents(response):
            response = await stream.receive()
            await stream.request(kind, answers=response)


@pytest.mark.parametrize("url", [ENDPOINT, ROUTE, SECRET])
async def test_b13_other_types_are_sent_in_part(xds: Fixture, url: TypeUrl) -> None:
    xds.publish(resource(url, "a", "1"), resource(url, "b", "2"))
    async with xds.sotw() as stream:
        await stream.request(url, "a", "b", who=node())
        response = await stream.receive()
        await stream.request(url, "a", "b", answers=response)
        xds.publish(resource(url, "b", "3"))
        response = await stream.receive()
        assert contents(response) == ["3"]


async def test_b14_names_added_under_the_same_version_and_nonce_are_sent(xds: Fixture) -> None:
    xds.publish(resource(ENDPOINT, "a", "1"), resource(ENDPOINT, "b", "2"))
    async with xds.sotw() as stream:
        await stream.request(ENDPOINT, "a", who=node())
        response = await stream.receive()
        await stream.request(ENDPOINT, "a", answers=response)
        await stream.request(ENDPOINT, "a", "b", answers=response)
        assert contents(await stream.receive()) == ["2"]


async def test_b15_unsubscribe_then_resubscribe_resends(xds: Fixture) -> None:
    xds.publish(resource(ENDPOINT, "a", "1"))
    async with xds.sotw() as stream:
        await stream.request(ENDPOINT, "a", who=node())
        response = await stream.receive()
        await stream.request(ENDPOINT, "a", answers=response)
        await stream.request(ENDPOINT, answers=response)
        await stream.request(ENDPOINT, "a", answers=response)
        assert contents(await stream.receive()) == ["1"]


async def test_b16_no_names_after_names_is_not_the_wildcard(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "a", "1"), resource(CLUSTER, "b", "2"))
    async with xds.sotw() as stream:
        await stream.request(CLUSTER, "a", who=node())
        response = await stream.receive()
        assert contents(response) == ["1"]
        await stream.request(CLUSTER, answers=response)
        xds.publish(resource(CLUSTER, "a", "3"), resource(CLUSTER, "b", "4"))
        await stream.assert_quiet()


async def test_b16_star_with_names_and_without(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "a", "1"), resource(CLUSTER, "b", "2"))
    async with xds.sotw() as stream:
        await stream.request(CLUSTER, "*", "a", who=node())
        response = await stream.receive()
        assert contents(response) == ["1", "2"]
        await stream.request(CLUSTER, "a", answers=response)
        xds.publish(resource(CLUSTER, "a", "1"), resource(CLUSTER, "b", "3"))
        await stream.assert_quiet()


@pytest.mark.parametrize("kind", [CLUSTER, LISTENER, SCOPED_ROUTE])
async def test_b17_legacy_wildcard(xds: Fixture, kind: TypeUrl) -> None:
    xds.publish(resource(kind, "a", "1"))
    async with xds.sotw() as stream:
        await stream.request(kind, who=node())
        assert contents(await stream.receive()) == ["1"]


@pytest.mark.parametrize("kind", [ENDPOINT, ROUTE, SECRET, VIRTUAL_HOST])
async def test_b17_no_wildcard_for_other_types(xds: Fixture, kind: TypeUrl) -> None:
    xds.publish(resource(kind, "a", "1"))
    async with xds.sotw() as stream:
        await stream.request(kind, who=node())
        await stream.assert_quiet()


async def test_b18_an_unanswered_type_coalesces_to_the_latest_state(xds: Fixture) -> None:
    xds.publish(resource(ENDPOINT, "a", "0"))
    async with xds.sotw() as stream:
        await stream.request(ENDPOINT, "a", who=node())
        response = await stream.receive()
        for version in range(1, 6):
            xds.publish(resource(ENDPOINT, "a", str(version)))
        await stream.request(ENDPOINT, "a", answers=response)
        assert contents(await stream.receive()) == ["5"]
        await stream.assert_quiet()


async def test_b19_no_duplicate_names_in_a_response(xds: Fixture) -> None:
    xds.publish(resource(ENDPOINT, "a", "1"))
    async with xds.sotw() as stream:
        await stream.request(ENDPOINT, "a", "a", who=node())
        assert contents(await stream.receive()) == ["1"]


async def test_b20_reconnect_skips_the_wildcard_at_an_equal_version(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "c"))
    async with xds.sotw() as stream:
        await stream.request(CLUSTER, who=node())
        response = await stream.receive()
    async with xds.sotw() as stream:
        await stream.request(CLUSTER, version=response.version_info, who=node())
        await stream.assert_quiet()
        assert xds.board.streams[-1].types[CLUSTER].state is SyncState.SYNCED


async def test_b20_reconnect_resends_to_any_other_subscription(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "c"), resource(ENDPOINT, "e"))
    async with xds.sotw() as stream:
        await stream.request(CLUSTER, "c", who=node())
        await stream.request(ENDPOINT, "e")
        clusters, endpoints = await stream.receive_all(2)
    async with xds.sotw() as stream:
        await stream.request(CLUSTER, "c", version=clusters.version_info, who=node())
        await stream.request(ENDPOINT, "e", version=endpoints.version_info)
        assert {response.type_url for response in await stream.receive_all(2)} == {CLUSTER, ENDPOINT}


async def test_b34_a_changed_cluster_is_followed_by_its_endpoints(xds: Fixture) -> None:
    reference = (Reference(ENDPOINT, "e"),)
    xds.publish(resource(CLUSTER, "c", "1", reference), resource(ENDPOINT, "e", "same"))
    async with xds.sotw() as stream:
        await stream.request(CLUSTER, who=node())
        await stream.request(CLUSTER, answers=await stream.receive())
        await stream.request(ENDPOINT, "e")
        await stream.request(ENDPOINT, "e", answers=await stream.receive())
        xds.publish(resource(CLUSTER, "c", "2", reference), resource(ENDPOINT, "e", "same"))
        assert contents(await stream.receive()) == ["2"]
        assert contents(await stream.receive()) == ["same"]
