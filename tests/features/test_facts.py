"""Those of the facts about Envoy that no behaviour's test shows: what it leaves out, and what it says too much of."""

from __future__ import annotations

import pytest

from tests.features.client import Fixture, contents, names, node, resource, serving
from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET, Reference, TypeUrl
from xds.server import SyncState

STOCK_NODE_BYTES = 61_000
GRPC_DEFAULT_BYTES = 4 << 20


@pytest.mark.parametrize("parent", [LISTENER, CLUSTER])
async def test_fact04_a_secret_is_sent_again_behind_what_refers_to_it(xds: Fixture, parent: TypeUrl) -> None:
    reference = (Reference(SECRET, "certificate"),)
    xds.publish(resource(parent, "p", "1", reference), resource(SECRET, "certificate", "same"))
    async with xds.sotw() as stream:
        await stream.request(parent, who=node())
        await stream.request(parent, answers=await stream.receive())
        await stream.request(SECRET, "certificate")
        await stream.request(SECRET, "certificate", answers=await stream.receive())
        xds.publish(resource(parent, "p", "2", reference), resource(SECRET, "certificate", "same"))
        assert [contents(response) for response in await stream.receive_all(2)] == [["2"], ["same"]]


async def test_fact07_a_node_of_full_size_on_every_request(xds: Fixture) -> None:
    who = node(extensions="x" * STOCK_NODE_BYTES)
    xds.publish(resource(CLUSTER, "c", "0"))
    async with xds.sotw() as stream:
        await stream.request(CLUSTER, who=who)
        for version in range(1, 20):
            await stream.request(CLUSTER, answers=await stream.receive(), who=who)
            xds.publish(resource(CLUSTER, "c", str(version)))
        assert contents(await stream.receive()) == ["19"]


async def test_fact09_an_empty_response_that_is_never_answered_holds_nothing_up() -> None:
    async with serving(patience=0.1) as xds, xds.sotw() as stream:
        await stream.request(CLUSTER, who=node())
        assert contents(await stream.receive()) == []
        await stream.request(ROUTE, "r")
        xds.publish(resource(ROUTE, "r", "1"))
        assert contents(await stream.receive()) == ["1"]


async def test_fact09_the_answer_to_a_newer_response_settles_the_older() -> None:
    async with serving(patience=0.1) as xds, xds.sotw() as stream:
        xds.publish(resource(CLUSTER, "c", "1"))
        await stream.request(CLUSTER, who=node())
        assert contents(await stream.receive()) == ["1"]
        xds.publish(resource(CLUSTER, "c", "2"))
        newer = await stream.receive()
        assert contents(newer) == ["2"]
        await stream.request(CLUSTER, answers=newer)
        await stream.request(LISTENER)
        await stream.receive()
        assert xds.board.streams[0].types[CLUSTER].state is SyncState.SYNCED


async def test_fact10_a_client_may_list_very_many_names(xds: Fixture) -> None:
    initial = {
        f"outbound|{number:05}|v1|service.of.a.namespace.svc.cluster.local": "0" * 64 for number in range(40_000)
    }
    assert sum(len(name) + len(version) for name, version in initial.items()) > GRPC_DEFAULT_BYTES
    xds.publish(resource(ENDPOINT, "a"))
    async with xds.delta() as stream:
        await stream.request(ENDPOINT, ["a"], initial=initial, who=node())
        response = await stream.receive()
        assert names(response) == ["a"]
        assert len(response.resources[0].version) <= 16
        assert len(response.system_version_info) <= 16
