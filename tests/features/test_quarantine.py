"""Quarantine: what a client rejects stays as it was, and everything else flows, in both variants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.features.client import SOON, DeltaStream, Fixture, contents, names, node, resource
from tests.features.envoy import Sidecar, backend, cluster, endpoints, listener, route, running_envoy
from xds.resources import CLUSTER, LISTENER, ROUTE, Resource, TypeUrl
from xds.server import SyncState, TypeStatus

IPS = {"GRPC": "127.77.11.1", "DELTA_GRPC": "127.77.11.2"}
PORTS = {"v1": 8001, "v2": 8002}


async def reject(stream: DeltaStream, error: str) -> list[str]:
    """Reject the next response; gives the names in it."""
    response = await stream.receive()
    await stream.request(response.type_url, answers=response, error=error)
    return names(response)


async def accept(stream: DeltaStream) -> list[str]:
    response = await stream.receive()
    await stream.request(response.type_url, answers=response)
    return names(response)


def clusters(**versions: str) -> list[Resource]:
    return [resource(CLUSTER, name, content) for name, content in versions.items()]


@pytest.mark.parametrize("kind", [CLUSTER, LISTENER])
async def test_sotw_goes_on_with_the_last_accepted_version(xds: Fixture, kind: TypeUrl) -> None:
    xds.publish(resource(kind, "a", "a1"), resource(kind, "b", "b1"))
    async with xds.sotw() as stream:
        await stream.request(kind, who=node())
        await stream.request(kind, answers=await stream.receive())
        xds.publish(resource(kind, "a", "bad"), resource(kind, "b", "b2"), resource(kind, "c", "bad"))
        await stream.request(kind, answers=await stream.receive(), error="cannot have a, c")
        response = await stream.receive()
        assert contents(response) == ["a1", "b2"]
        await stream.request(kind, answers=response)
        xds.publish(resource(kind, "a", "a3"), resource(kind, "b", "b2"), resource(kind, "c", "c3"))
        assert contents(await stream.receive()) == ["a3", "b2", "c3"]


async def test_the_status_names_what_is_in_quarantine_until_it_changes(xds: Fixture) -> None:
    xds.publish(*clusters(a="bad", b="1"))
    async with xds.delta() as stream:
        await stream.request(CLUSTER, who=node())
        assert await reject(stream, "a is broken") == ["a", "b"]
        assert await accept(stream) == ["b"]
        xds.publish(*clusters(a="bad", b="2"))
        assert await accept(stream) == ["b"]
        status = xds.board.streams[0].types[CLUSTER]
        await until(lambda: status.state is SyncState.ERROR)
        assert status.quarantined == ("a",)
        assert status.nack is not None
        assert [each.name for each in status.nack.resources] == ["a"]
        xds.publish(*clusters(a="good", b="2"))
        assert await accept(stream) == ["a"]
        await until(lambda: status.state is SyncState.SYNCED)
        assert not xds.board.streams[0].types[CLUSTER].quarantined
        assert not xds.board.streams[0].types[CLUSTER].nack


async def test_suspects_are_tried_again_when_no_name_is_told(xds: Fixture) -> None:
    xds.publish(*clusters(a="1", b="1", bad="1", c="1"))
    async with xds.delta() as stream:
        await stream.request(CLUSTER, who=node())
        while not xds.board.streams or xds.board.streams[0].types[CLUSTER].quarantined != ("bad",):
            response = await stream.receive()
            error = "something" if "bad" in names(response) else ""
            await stream.request(CLUSTER, answers=response, error=error)
            await asyncio.sleep(0.02)
        status = xds.board.streams[0].types[CLUSTER]
        assert status.nack is not None
        assert [each.name for each in status.nack.resources] == ["bad"]
        assert status.nacks == 3


async def test_a_client_that_rejects_everything_is_soon_left_alone(xds: Fixture) -> None:
    xds.publish(*(resource(CLUSTER, str(number)) for number in range(500)))
    async with xds.delta() as stream:
        await stream.request(CLUSTER, who=node())
        rejected = 0
        with suppress(TimeoutError):
            while rejected < 20:
                async with asyncio.timeout(0.3):
                    await reject(stream, "no")
                rejected += 1
        assert rejected < 20


async def test_routes_that_do_not_need_what_was_rejected_go_on(xds: Fixture) -> None:
    xds.publish(*clusters(a="1"), resource(ROUTE, "one", "\x01a|1"), resource(ROUTE, "two", "\x01a|1"))
    async with xds.delta() as stream:
        await stream.request(CLUSTER, who=node())
        await accept(stream)
        await stream.request(ROUTE, ["one", "two"])
        await accept(stream)
        xds.publish(*clusters(a="1", b="bad"), resource(ROUTE, "one", "\x01b|2"), resource(ROUTE, "two", "\x01a|2"))
        assert await reject(stream, "b is broken") == ["b"]
        assert await accept(stream) == ["two"]
        xds.publish(*clusters(a="1", b="good"), resource(ROUTE, "one", "\x01b|2"), resource(ROUTE, "two", "\x01a|2"))
        assert [await accept(stream), await accept(stream)] == [["b"], ["one"]]


async def test_removals_go_on_but_for_what_an_older_version_needs(xds: Fixture) -> None:
    xds.publish(*clusters(a="1", b="1", c="1"), resource(ROUTE, "one", "\x01a|1"))
    async with xds.delta() as stream:
        await stream.request(CLUSTER, who=node())
        await accept(stream)
        await stream.request(ROUTE, ["one"])
        await accept(stream)
        xds.publish(*clusters(c="1"), resource(ROUTE, "one", "\x01c|2"))
        assert await reject(stream, "one is broken") == ["one"]
        response = await stream.receive()
        assert list(response.removed_resources) == ["b"]
        await stream.request(CLUSTER, answers=response)
        xds.publish(*clusters(c="1"), resource(ROUTE, "one", "\x01c|3"))
        assert await accept(stream) == ["one"]
        assert list((await stream.receive()).removed_resources) == ["a"]


@asynccontextmanager
async def sidecar(xds: Fixture, directory: Path, api_type: str) -> AsyncIterator[Sidecar]:
    """An Envoy that routes everything to v1, with both backends up."""
    ip = IPS[api_type]
    xds.publish(*service(ip, "v1"), listener("web", ip, 8080, "web"), route("web", "v1"))
    async with AsyncExitStack() as stack:
        for text, port in PORTS.items():
            await stack.enter_async_context(backend(ip, port, text))
        running = await stack.enter_async_context(running_envoy(directory, ip, xds.port, api_type))
        await running.ready()
        yield running


def service(ip: str, version: str) -> tuple[Resource, Resource]:
    return cluster(version), endpoints(version, [(ip, PORTS[version])])


def unusable(name: str, how: str) -> Resource:
    """A cluster that Envoy refuses: alone, as it names no kind of load balancer that it knows; or its whole message."""
    good = cluster(name).body
    load_balancing_policy = b"\xca\x02\x00"
    type_out_of_range = b"\x10\x63"
    return Resource.of(CLUSTER, name, good + (load_balancing_policy if how == "alone" else type_out_of_range))


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON):
        while not reached():  # noqa: ASYNC110 - the board is read, it wakes nobody
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("how", ["alone", "whole"])
@pytest.mark.parametrize("api_type", IPS)
async def test_one_bad_cluster_holds_up_no_good_change(xds: Fixture, tmp_path: Path, api_type: str, how: str) -> None:
    async with sidecar(xds, tmp_path, api_type) as running:
        ip = running.ip
        await until(lambda: xds.board.streams[0].snapshot is xds.source.latest())
        web = listener("web", ip, 8080, "web")
        bad = (unusable("v1", how), endpoints("v1", [(ip, PORTS["v1"])]))
        xds.publish(*bad, *service(ip, "v2"), web, route("web", "v2"))
        answers = []
        async with asyncio.timeout(1.0):
            while (200, "v2") not in answers:
                answers.append(await running.get())
        xds.publish(*bad, *service(ip, "v2"), web, route("web", "v1"))
        async with asyncio.timeout(1.0):
            while answers[-1] != (200, "v1"):
                answers.append(await running.get())
        assert {status for status, _ in answers} == {200}
        status = xds.board.streams[0].types[CLUSTER]
        await until(lambda: xds.board.streams[0].snapshot is xds.source.latest())
        check_culprit(status)
        assert await running.stat("cluster_manager.active_clusters") == 3  # v1, v2 and that of xDS itself


def check_culprit(status: TypeStatus) -> None:
    assert status.quarantined == ("v1",)
    assert status.nack is not None
    assert [resource.name for resource in status.nack.resources] == ["v1"]
