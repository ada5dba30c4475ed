"""Behaviours 21 to 31: delta."""

from __future__ import annotations

import pytest

from tests.features.client import DeltaStream, Fixture, names, node, resource
from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET, Reference, TypeUrl
from xds.server import SyncState
from xds.wire.discovery_pb2 import DeltaDiscoveryResponse


async def told(stream: DeltaStream, url: TypeUrl, *subscribe: str) -> DeltaDiscoveryResponse:
    """Subscribe on a new stream, and accept the answer."""
    await stream.request(url, subscribe, who=node())
    response = await stream.receive()
    await stream.request(url, answers=response)
    return response


async def test_b21_every_subscribed_name_is_answered_even_if_current(xds: Fixture) -> None:
    xds.publish(resource(ENDPOINT, "a"), resource(ENDPOINT, "b"))
    async with xds.delta() as stream:
        await told(stream, ENDPOINT, "a", "b")
        await stream.request(ENDPOINT, ["a"])
        assert names(await stream.receive()) == ["a"]


async def test_b21_a_wildcard_is_answered_even_if_there_is_nothing(xds: Fixture) -> None:
    async with xds.delta() as stream:
        response = await told(stream, LISTENER)
        assert (response.type_url, names(response)) == (LISTENER, [])


@pytest.mark.parametrize("url", [ENDPOINT, ROUTE, SECRET, CLUSTER])
async def test_b22_a_missing_name_is_removed_at_once(xds: Fixture, url: TypeUrl) -> None:
    async with xds.delta() as stream:
        response = await told(stream, url, "gone")
        assert (names(response), list(response.removed_resources)) == ([], ["gone"])


async def test_b23_a_missing_name_is_pushed_when_it_appears(xds: Fixture) -> None:
    async with xds.delta() as stream:
        await told(stream, ENDPOINT, "later")
        xds.publish(resource(ENDPOINT, "later"), resource(ENDPOINT, "other"))
        assert names(await stream.receive()) == ["later"]


async def test_b24_unsubscribing_needs_no_response(xds: Fixture) -> None:
    xds.publish(resource(ENDPOINT, "a"))
    async with xds.delta() as stream:
        await told(stream, ENDPOINT, "a")
        await stream.request(ENDPOINT, unsubscribe=["a"])
        await told(stream, LISTENER)
        xds.publish(resource(ENDPOINT, "a", "2"))
        await stream.assert_quiet()


async def test_b24_unsubscribing_a_name_under_the_wildcard_is_answered(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "a"))
    async with xds.delta() as stream:
        response = await told(stream, CLUSTER, "*", "a", "gone")
        assert (names(response), list(response.removed_resources)) == (["a"], ["gone"])
        await stream.request(CLUSTER, unsubscribe=["a", "gone"])
        response = await stream.receive()
        assert (names(response), list(response.removed_resources)) == (["a"], ["gone"])


async def test_b25_phantom_unsubscribes_are_ignored(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "a"))
    async with xds.delta() as stream:
        await told(stream, CLUSTER)
        await stream.request(CLUSTER, unsubscribe=["never heard of"])
        await stream.assert_quiet()


async def test_b26_a_subscription_with_a_stale_nonce_is_honoured(xds: Fixture) -> None:
    xds.publish(resource(ENDPOINT, "a"), resource(ENDPOINT, "b"))
    async with xds.delta() as stream:
        old = await told(stream, ENDPOINT, "a")
        xds.publish(resource(ENDPOINT, "a", "2"), resource(ENDPOINT, "b"))
        new = await stream.receive()
        await stream.request(ENDPOINT, ["b"], answers=old)
        await stream.request(ENDPOINT, answers=new)
        assert names(await stream.receive()) == ["b"]


async def test_b27_initial_versions_are_diffed(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "same"), resource(CLUSTER, "changed"), resource(CLUSTER, "new"))
    async with xds.delta() as stream:
        response = await told(stream, CLUSTER)
        versions = {each.name: each.version for each in response.resources}
    initial = {"same": versions["same"], "changed": "older", "vanished": "any"}
    async with xds.delta("/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters") as stream:
        await stream.request(CLUSTER, initial=initial, who=node())
        response = await stream.receive()
        assert sorted(names(response)) == ["changed", "new"]
        await stream.request(CLUSTER, answers=response)
        removed = list(response.removed_resources) or list((await stream.receive()).removed_resources)
        assert removed == ["vanished"]


async def test_b27_nothing_is_sent_to_a_client_that_has_everything(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "c"), resource(ROUTE, "r"))
    async with xds.delta() as stream:
        clusters = await told(stream, CLUSTER)
        await stream.request(ROUTE, ["r"])
        routes = await stream.receive()
    async with xds.delta() as stream:
        await stream.request(CLUSTER, initial={"c": clusters.resources[0].version}, who=node())
        await stream.request(ROUTE, ["r"], initial={"r": routes.resources[0].version})
        await stream.assert_quiet()
        assert xds.board.streams[-1].types[CLUSTER].state is SyncState.SYNCED


@pytest.mark.parametrize("url", [ENDPOINT, SECRET])
async def test_b27_fact05_endpoints_and_secrets_are_never_suppressed(xds: Fixture, url: TypeUrl) -> None:
    xds.publish(resource(url, "e"))
    async with xds.delta() as stream:
        version = (await told(stream, url, "e")).resources[0].version
    async with xds.delta() as stream:
        await stream.request(url, ["e"], initial={"e": version}, who=node())
        assert names(await stream.receive()) == ["e"]


async def test_b28_every_response_is_acked_on_its_own(xds: Fixture) -> None:
    xds.publish(resource(ENDPOINT, "a"))
    async with xds.delta() as stream:
        await stream.request(ENDPOINT, ["a"], who=node())
        first = await stream.receive()
        xds.publish(resource(ENDPOINT, "a", "2"))
        xds.publish(resource(ENDPOINT, "a", "3"))
        await stream.request(ENDPOINT, answers=first)
        second = await stream.receive()
        assert [each.resource.value for each in second.resources] == [b"3"]
        assert second.nonce != first.nonce
        await stream.request(ENDPOINT, answers=second)
        await stream.assert_quiet()


async def test_b29_only_what_changed_is_sent(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "a"), resource(CLUSTER, "b"))
    async with xds.delta() as stream:
        await told(stream, CLUSTER)
        xds.publish(resource(CLUSTER, "a"), resource(CLUSTER, "b", "2"))
        assert names(await stream.receive()) == ["b"]


async def test_b30_the_name_is_the_resources_own_and_its_version_its_content(xds: Fixture) -> None:
    sent = resource(CLUSTER, "a")
    xds.publish(sent)
    async with xds.delta() as stream:
        (received,) = (await told(stream, CLUSTER)).resources
        assert (received.name, received.version, received.resource.type_url) == ("a", sent.version, CLUSTER)


async def test_b31_a_removed_resource_is_told_once(xds: Fixture) -> None:
    xds.publish(resource(ENDPOINT, "a"), resource(ENDPOINT, "b"))
    async with xds.delta() as stream:
        await told(stream, ENDPOINT, "a")
        xds.publish(resource(ENDPOINT, "b", "2"))
        response = await stream.receive()
        assert (names(response), list(response.removed_resources)) == ([], ["a"])
        await stream.request(ENDPOINT, answers=response)
        await stream.assert_quiet()


async def test_b08_what_was_rejected_is_not_resent_but_all_else_is(xds: Fixture) -> None:
    xds.publish(resource(CLUSTER, "a"), resource(CLUSTER, "b", "bad"))
    async with xds.delta() as stream:
        await stream.request(CLUSTER, who=node())
        await stream.request(CLUSTER, answers=await stream.receive(), error="b is broken")
        again = await stream.receive()
        assert names(again) == ["a"]
        await stream.request(CLUSTER, answers=again)
        xds.publish(resource(CLUSTER, "a"), resource(CLUSTER, "b", "good"))
        assert names(await stream.receive()) == ["b"]


@pytest.mark.parametrize(("parent", "child"), [(CLUSTER, ENDPOINT), (CLUSTER, SECRET), (LISTENER, SECRET)])
async def test_b34_a_changed_parent_is_followed_by_its_children(xds: Fixture, parent: TypeUrl, child: TypeUrl) -> None:
    reference = (Reference(child, "x"),)
    xds.publish(resource(parent, "p", "1", reference), resource(child, "x"))
    async with xds.delta() as stream:
        await told(stream, parent)
        await stream.request(child, ["x"])
        await stream.request(child, answers=await stream.receive())
        xds.publish(resource(parent, "p", "2", reference), resource(child, "x"))
        assert [names(response) for response in await stream.receive_all(2)] == [["p"], ["x"]]
