"""Behaviour 40: names of the form xdstp://, their parameters and glob collections, in both variants."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.features.client import Fixture, contents, names, node, resource
from tests.features.envoy import cluster, endpoints, running_envoy
from xds.resources import CLUSTER, ENDPOINT, LISTENER, Resource, TypeUrl
from xds.resources.names import canonical, collection_of, is_glob

E = "xdstp://mesh/envoy.config.endpoint.v3.ClusterLoadAssignment"
C = "xdstp://mesh/envoy.config.cluster.v3.Cluster"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain?b=2&a=1", "plain?b=2&a=1"),
        ("xdstp://x/T/n", "xdstp://x/T/n"),
        ("xdstp://x/T/n?b=2&a=1", "xdstp://x/T/n?a=1&b=2"),
        ("xdstp://x/T/n?a=1&b=2", "xdstp://x/T/n?a=1&b=2"),
        ("xdstp://x/T/n?b=2&a=1#entry=e", "xdstp://x/T/n?a=1&b=2#entry=e"),
        ("xdstp://x/T/n?", "xdstp://x/T/n"),
    ],
)
def test_b40_context_parameters_are_sorted(name: str, expected: str) -> None:
    assert canonical(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain/a", None),
        ("xdstp://x/T/a/b", "xdstp://x/T/a/*"),
        ("xdstp://x/T/a/b?k=v", "xdstp://x/T/a/*?k=v"),
        ("xdstp://x/T/b", "xdstp://x/T/*"),
    ],
)
def test_b40_a_resource_is_in_one_collection(name: str, expected: str | None) -> None:
    assert collection_of(name) == expected
    assert expected is None or is_glob(expected)


async def test_b40_delta_finds_a_name_whatever_the_order_of_its_parameters(xds: Fixture) -> None:
    xds.publish(resource(ENDPOINT, f"{E}/a?y=2&x=1"))
    async with xds.delta() as stream:
        await stream.request(ENDPOINT, [f"{E}/a?x=1&y=2"], who=node())
        response = await stream.receive()
        assert names(response) == [f"{E}/a?x=1&y=2"]
        await stream.request(ENDPOINT, answers=response)
        await stream.request(ENDPOINT, [f"{E}/a?y=2&x=1"])
        response = await stream.receive()
        assert (names(response), list(response.removed_resources)) == ([f"{E}/a?x=1&y=2"], [])


async def test_b40_parameters_narrow_a_name(xds: Fixture) -> None:
    xds.publish(resource(ENDPOINT, f"{E}/a?x=1"))
    async with xds.delta() as stream:
        await stream.request(ENDPOINT, [f"{E}/a?x=2", f"{E}/a"], who=node())
        assert list((await stream.receive()).removed_resources) == [f"{E}/a?x=2", f"{E}/a"]


async def test_b40_sotw_finds_a_name_whatever_the_order_of_its_parameters(xds: Fixture) -> None:
    xds.publish(resource(ENDPOINT, f"{E}/a?y=2&x=1", "1"))
    async with xds.sotw() as stream:
        await stream.request(ENDPOINT, f"{E}/a?y=2&x=1", who=node())
        response = await stream.receive()
        assert contents(response) == ["1"]
        await stream.request(ENDPOINT, f"{E}/a?x=1&y=2", answers=response)
        await stream.assert_quiet()


@pytest.mark.parametrize("url", [CLUSTER, ENDPOINT, LISTENER])
async def test_b40_delta_globs(xds: Fixture, url: TypeUrl) -> None:
    glob = "xdstp://mesh/T/web/*?k=v"
    inside = [resource(url, f"xdstp://mesh/T/web/{name}?k=v", name) for name in "abc"]
    outside = [
        resource(url, name)
        for name in ("xdstp://mesh/T/web/a", "xdstp://mesh/T/web/deep/a?k=v", "xdstp://mesh/T/a?k=v", "a")
    ]
    xds.publish(*outside)
    async with xds.delta() as stream:
        await stream.request(url, [glob], who=node())
        response = await stream.receive()
        assert (names(response), list(response.removed_resources)) == ([], [glob])
        await stream.request(url, answers=response)
        xds.publish(*inside[:2], *outside)
        response = await stream.receive()
        assert names(response) == [each.name for each in inside[:2]]
        await stream.request(url, answers=response)
        changed = Resource.of(url, inside[1].name, b"changed")
        xds.publish(changed, inside[2], *outside)
        told: set[str] = set()
        removed: list[str] = []
        while not removed:
            response = await stream.receive()
            told |= set(names(response))
            removed += response.removed_resources
            await stream.request(url, answers=response)
        assert told == {changed.name, inside[2].name}
        assert removed == [inside[0].name]
        await stream.request(url, unsubscribe=[glob])
        await stream.request(ENDPOINT, ["never"])
        assert list((await stream.receive()).removed_resources) == ["never"]
        xds.publish(*inside, *outside)
        await stream.assert_quiet()


async def test_b40_a_glob_is_diffed_on_a_reconnect(xds: Fixture) -> None:
    same, old, new = (resource(CLUSTER, f"{C}/web/{name}") for name in ("same", "old", "new"))
    xds.publish(same, Resource.of(CLUSTER, old.name, b"changed"), new, resource(CLUSTER, "other"))
    async with xds.delta() as stream:
        initial = {same.name: same.version, old.name: old.version}
        await stream.request(CLUSTER, [f"{C}/web/*"], initial=initial, who=node())
        assert names(await stream.receive()) == [old.name, new.name]


@pytest.mark.parametrize("url", [CLUSTER, ENDPOINT, LISTENER])
async def test_b40_sotw_globs(xds: Fixture, url: TypeUrl) -> None:
    glob = "xdstp://mesh/T/web/*"
    a, b = (resource(url, f"xdstp://mesh/T/web/{name}", name) for name in "ab")
    xds.publish(a, b, resource(url, "xdstp://mesh/T/c", "c"), resource(url, "d", "d"))
    async with xds.sotw() as stream:
        await stream.request(url, glob, a.name, who=node())
        response = await stream.receive()
        assert sorted(contents(response)) == ["a", "b"]
        await stream.request(url, glob, a.name, answers=response)
        xds.publish(a, Resource.of(url, b.name, b"changed"), resource(url, "d", "changed too"))
        response = await stream.receive()
        assert sorted(contents(response)) == (["changed"] if url == ENDPOINT else ["a", "changed"])


async def test_b40_envoy_subscribes_a_glob_collection_of_clusters(xds: Fixture, tmp_path: Path) -> None:
    ip = "127.77.40.1"
    locator = f"{C}/web/*?b=2&a=1"
    one, two = (f"{C}/web/{name}?a=1&b=2" for name in ("one", "two"))
    first = cluster(one), endpoints(one, [(ip, 8001)]), cluster("other")
    xds.publish(*first)
    async with running_envoy(tmp_path, ip, xds.port, "DELTA_GRPC", cds_resources_locator=locator) as running:
        await running.ready()
        assert await running.stat("cluster_manager.cluster_added") == 2  # with that of xDS itself
        xds.publish(*first, cluster(two), endpoints(two, [(ip, 8001)]))
        async with asyncio.timeout(10):
            while await running.stat("cluster_manager.cluster_added") < 3:  # noqa: ASYNC110 - nobody is woken here
                await asyncio.sleep(0.02)
        assert xds.board.streams[0].types[CLUSTER].nack is None
