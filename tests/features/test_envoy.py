"""A real Envoy, in both variants: it starts, follows changes, and moves between clusters without a failed request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.features.client import Fixture
from tests.features.envoy import Sidecar, backend, cluster, endpoints, listener, route, running_envoy
from xds.resources import CLUSTER, Resource

IPS = {"GRPC": "127.77.10.1", "DELTA_GRPC": "127.77.10.2"}
PORTS = {"v1": 8001, "v2": 8002}

pytestmark = pytest.mark.parametrize("api_type", IPS)


def service(ip: str, version: str) -> tuple[Resource, Resource]:
    """A cluster of one backend."""
    return cluster(version), endpoints(version, [(ip, PORTS[version])])


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


async def until(running: Sidecar, text: str) -> list[tuple[int, str]]:
    """Request until this is the answer; gives all the answers."""
    answers: list[tuple[int, str]] = []
    async with asyncio.timeout(10):
        while not answers or answers[-1] != (200, text):
            answers.append(await running.get())
            await asyncio.sleep(0.005)
    return answers


async def settled(xds: Fixture) -> None:
    """Until the proxy has everything of the latest snapshot, removals included."""
    async with asyncio.timeout(10):
        while xds.board.streams[0].snapshot is not xds.source.latest():  # noqa: ASYNC110 - read, wakes nobody
            await asyncio.sleep(0.01)


async def test_starts_and_serves(xds: Fixture, tmp_path: Path, api_type: str) -> None:
    async with sidecar(xds, tmp_path, api_type) as running:
        assert await running.get() == (200, "v1")
        await settled(xds)
        assert await running.stat("cluster_manager.cds.update_rejected") == 0


async def test_b32_moves_to_a_new_cluster_without_a_failed_request(xds: Fixture, tmp_path: Path, api_type: str) -> None:
    async with sidecar(xds, tmp_path, api_type) as running:
        ip = running.ip
        for version in ("v2", "v1", "v2", "v1"):
            xds.publish(*service(ip, version), listener("web", ip, 8080, "web"), route("web", version))
            answers = await until(running, version)
            assert {status for status, _ in answers} == {200}
            await settled(xds)
            assert await running.get() == (200, version)
        assert await running.stat("cluster_manager.active_clusters") == 2  # the new one and that of xDS itself


async def test_b34_fact02_a_changed_cluster_warms_at_once(xds: Fixture, tmp_path: Path, api_type: str) -> None:
    async with sidecar(xds, tmp_path, api_type) as running:
        ip = running.ip
        web = (listener("web", ip, 8080, "web"), route("web", "v1"), endpoints("v1", [(ip, PORTS["v1"])]))
        await settled(xds)
        xds.publish(cluster("v1", connect_timeout_ms=2000), *web)
        await settled(xds)
        assert await running.stat("cluster_manager.warming_clusters") == 0
        assert await running.get() == (200, "v1")


async def test_b34_fact03_a_changed_cluster_reuses_a_subscribed_service_name(
    xds: Fixture, tmp_path: Path, api_type: str
) -> None:
    async with sidecar(xds, tmp_path, api_type) as running:
        ip = running.ip
        await settled(xds)
        xds.publish(
            *service(ip, "v1"),
            cluster("other", service_name="v1"),
            listener("web", ip, 8080, "web"),
            route("web", "other"),
        )
        await settled(xds)
        assert await running.stat("cluster_manager.warming_clusters") == 0
        assert await running.get() == (200, "v1")


async def test_b33_a_rejected_cluster_does_not_take_the_old_one_away(
    xds: Fixture, tmp_path: Path, api_type: str
) -> None:
    async with sidecar(xds, tmp_path, api_type) as running:
        ip = running.ip
        await settled(xds)
        broken = Resource.of(CLUSTER, "v2", b"\x0a\x02v2\x22\x00" + b"\x10\x63")
        xds.publish(broken, listener("web", ip, 8080, "web"), route("web", "v2"))
        async with asyncio.timeout(10):
            while not (nack := xds.board.streams[0].types[CLUSTER].nack):  # noqa: ASYNC110 - read, wakes nobody
                await asyncio.sleep(0.01)
        assert [resource.name for resource in nack.resources] == ["v2"]
        assert await running.get() == (200, "v1")
