"""Behaviours 30 and 37: aliases, and virtual hosts on demand."""

from __future__ import annotations

import pytest

from tests.features.client import DeltaStream, Fixture, names, node
from xds.resources import LISTENER, ROUTE, VIRTUAL_HOST, Reference, Resource
from xds.wire.discovery_pb2 import DeltaDiscoveryResponse

TYPED = "/envoy.service.route.v3.VirtualHostDiscoveryService/DeltaVirtualHosts"


def host(name: str, *domains: str, content: str = "1") -> Resource:
    return Resource.of(VIRTUAL_HOST, f"r/{name}", content.encode(), aliases=tuple(f"r/{each}" for each in domains))


async def opened(stream: DeltaStream) -> None:
    """As Envoy does: it asks for nothing at first, and waits until it hears of the route."""
    await stream.request(VIRTUAL_HOST, who=node())
    response = await stream.receive()
    assert names(response) == []
    await stream.request(VIRTUAL_HOST, answers=response)


async def accepted(stream: DeltaStream) -> DeltaDiscoveryResponse:
    response = await stream.receive()
    await stream.request(VIRTUAL_HOST, answers=response)
    return response


async def test_b37_a_client_that_waits_to_hear_of_a_route_does(xds: Fixture) -> None:
    route = Resource.of(ROUTE, "r2", b"1", (Reference(VIRTUAL_HOST, "r2/*"),))
    xds.publish(host("a", "a.com"), host("b", "b.com"))
    async with xds.delta() as stream:
        await stream.request(VIRTUAL_HOST, who=node())
        response = await accepted(stream)
        assert (names(response), list(response.removed_resources)) == ([], ["r/*"])
        await stream.request(ROUTE, ["r2"])
        await stream.request(ROUTE, answers=await stream.receive())
        xds.publish(host("a", "a.com"), host("b", "b.com"), route)
        assert names(await stream.receive()) == ["r2"]
        assert list((await accepted(stream)).removed_resources) == ["r2/*"]


async def test_b37_a_client_that_reconnects_is_held_to_names(xds: Fixture) -> None:
    """Envoy asks for everything then, and lists what was unknown with an empty version."""
    xds.publish(host("a", "a.com"), host("b", "b.com"))
    async with xds.delta() as stream:
        initial = {"r/a": host("a", "a.com").version, "r/unknown.com": ""}
        await stream.request(VIRTUAL_HOST, ["*", "r/a.com", "r/unknown.com"], initial=initial, who=node())
        response = await accepted(stream)
        assert sorted(names(response)) == ["r/a", "r/unknown.com"]
        assert not response.removed_resources


async def test_b37_nothing_is_sent_that_was_not_asked_for(xds: Fixture) -> None:
    xds.publish(host("a", "a.com"))
    async with xds.delta() as stream:
        await opened(stream)
        xds.publish(host("a", "a.com", content="2"))
        await stream.assert_quiet()


@pytest.mark.parametrize("asked", ["r/a.com", "r/www.a.com"])
async def test_b30_b37_a_host_is_asked_for_by_an_alias_and_comes_under_its_own_name(xds: Fixture, asked: str) -> None:
    xds.publish(host("a", "a.com", "www.a.com"), host("b", "b.com"))
    async with xds.delta(TYPED) as stream:
        await opened(stream)
        await stream.request(VIRTUAL_HOST, [asked])
        (received,) = (await accepted(stream)).resources
        assert received.name == "r/a"
        assert list(received.aliases) == ["r/a.com", "r/www.a.com"]
        assert received.resource.value == b"1"


async def test_b37_an_unresolved_alias_has_no_body_until_it_appears(xds: Fixture) -> None:
    async with xds.delta() as stream:
        await opened(stream)
        await stream.request(VIRTUAL_HOST, ["r/later.com"])
        response = await accepted(stream)
        (received,) = response.resources
        assert not received.HasField("resource")
        assert (received.name, list(received.aliases)) == ("r/later.com", ["r/later.com"])
        assert not response.removed_resources
        xds.publish(host("later", "later.com"))
        assert names(await accepted(stream)) == ["r/later"]


async def test_b37_an_alias_asked_for_again_is_answered_again(xds: Fixture) -> None:
    xds.publish(host("a", "a.com", "b.com"))
    async with xds.delta() as stream:
        await opened(stream)
        for asked in ("r/a.com", "r/a.com", "r/b.com", "r/b.com"):
            await stream.request(VIRTUAL_HOST, [asked])
            (received,) = (await accepted(stream)).resources
            assert (received.name, received.resource.value) == ("r/a", b"1")


async def test_b37_changes_and_removals_go_by_the_name(xds: Fixture) -> None:
    xds.publish(host("a", "a.com"), host("other", "b.com"))
    async with xds.delta() as stream:
        await opened(stream)
        await stream.request(VIRTUAL_HOST, ["r/a.com"])
        await accepted(stream)
        xds.publish(host("a", "a.com", content="2"), host("other", "b.com", content="2"))
        (received,) = (await accepted(stream)).resources
        assert (received.name, received.resource.value) == ("r/a", b"2")
        xds.publish(host("other", "b.com", content="3"))
        response = await accepted(stream)
        assert (names(response), list(response.removed_resources)) == ([], ["r/a"])
        xds.publish(host("a", "a.com", content="4"))
        assert names(await accepted(stream)) == ["r/a"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("x.a.com", "suffix"), ("y.x.a.com", "long"), ("www.x.a.com", "literal"), ("a.org", "prefix"), ("b.net", "any")],
)
async def test_b37_a_wildcard_domain_has_the_alias_that_was_asked_for(xds: Fixture, asked: str, expected: str) -> None:
    xds.publish(
        host("any", "*"),
        host("prefix", "a.*"),
        host("suffix", "*.a.com"),
        host("long", "*.x.a.com"),
        host("literal", "www.x.a.com"),
    )
    async with xds.delta() as stream:
        await opened(stream)
        await stream.request(VIRTUAL_HOST, [f"r/{asked}"])
        (received,) = (await accepted(stream)).resources
        assert received.name == f"r/{expected}"
        assert f"r/{asked}" in received.aliases


async def test_b37_a_domain_that_moves_to_another_host_comes_with_it(xds: Fixture) -> None:
    xds.publish(host("a", "a.com"))
    async with xds.delta() as stream:
        await opened(stream)
        await stream.request(VIRTUAL_HOST, ["r/a.com"])
        await accepted(stream)
        xds.publish(host("b", "a.com"))
        response = await accepted(stream)
        assert (names(response), list(response.removed_resources)) == (["r/b"], ["r/a"])


async def test_b37_a_client_that_reconnects_is_told_of_changes_of_what_it_lists(xds: Fixture) -> None:
    same, old, gone = host("same", "a.com"), host("old", "b.com"), host("gone", "c.com")
    xds.publish(same, host("old", "b.com", content="2"), host("other", "d.com"))
    async with xds.delta() as stream:
        initial = {each.name: each.version for each in (same, old, gone)}
        await stream.request(VIRTUAL_HOST, initial=initial, who=node())
        response = await accepted(stream)
        assert (names(response), list(response.removed_resources)) == (["r/old"], ["r/gone"])
        xds.publish(host("same", "a.com", content="3"), host("other", "d.com", content="3"))
        response = await accepted(stream)
        assert (names(response), list(response.removed_resources)) == (["r/same"], ["r/old"])


async def test_b37_what_is_unsubscribed_is_not_heard_of_again(xds: Fixture) -> None:
    xds.publish(host("a", "a.com"))
    async with xds.delta() as stream:
        await opened(stream)
        await stream.request(VIRTUAL_HOST, ["r/a.com"])
        await accepted(stream)
        await stream.request(VIRTUAL_HOST, unsubscribe=["r/a.com"])
        await stream.request(LISTENER)
        await stream.receive()
        xds.publish(host("a", "a.com", content="2"))
        await stream.assert_quiet()


async def test_b30_aliases_are_a_part_of_the_version(xds: Fixture) -> None:
    xds.publish(host("a", "a.com"))
    async with xds.delta() as stream:
        await opened(stream)
        await stream.request(VIRTUAL_HOST, ["r/a.com"])
        first = await accepted(stream)
        xds.publish(host("a", "a.com", "b.com"))
        second = await accepted(stream)
        assert first.resources[0].version != second.resources[0].version
        assert list(second.resources[0].aliases) == ["r/a.com", "r/b.com"]
