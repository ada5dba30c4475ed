"""Behaviour 35 with a real Envoy: what has a TTL stays while the server runs, and goes when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.features.client import Fixture
from tests.features.envoy import backend, cluster, endpoints, listener, route, running_envoy
from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, Resource, TypeUrl

IPS = {"GRPC": "127.77.35.1", "DELTA_GRPC": "127.77.35.2"}
TTL = timedelta(seconds=3)
REFRESHES = 4
"""More than fit into the TTL."""


def expiring(resource: Resource) -> Resource:
    return Resource.of(resource.type_url, resource.name, resource.body, resource.references, ttl=TTL)


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - read, wakes nobody
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("api_type", IPS)
async def test_b35_nothing_expires_while_the_server_runs(xds: Fixture, tmp_path: Path, api_type: str) -> None:
    ip = IPS[api_type]
    served = cluster("v1"), endpoints("v1", [(ip, 8001)]), listener("web", ip, 8080, "web"), route("web", "v1")
    xds.publish(*map(expiring, served))
    async with backend(ip, 8001, "v1"), running_envoy(tmp_path, ip, xds.port, api_type) as running:
        await running.ready()
        versions: dict[TypeUrl, set[str]] = {url: set() for url in (CLUSTER, ENDPOINT, LISTENER, ROUTE)}

        def refreshed() -> bool:
            for url, seen in versions.items():
                status = xds.board.streams[0].types[url]
                seen.add(status.sent_nonce)
                assert status.nack is None
            return min(map(len, versions.values())) > REFRESHES

        await until(refreshed)
        assert await running.get() == (200, "v1")
        assert await running.stat("cluster_manager.cluster_removed") == 0
        assert await running.stat("listener_manager.listener_removed") == 0


@pytest.mark.parametrize("api_type", IPS)
async def test_b35_without_the_server_what_has_a_ttl_goes_and_what_lost_it_stays(
    xds: Fixture, tmp_path: Path, api_type: str
) -> None:
    ip = IPS[api_type]
    short, kept = cluster("short"), cluster("kept")
    rest = endpoints("short", [(ip, 8001)]), endpoints("kept", [(ip, 8001)])
    xds.publish(expiring(short), expiring(kept), *rest)
    async with running_envoy(tmp_path, ip, xds.port, api_type) as running:
        await running.ready()
        xds.publish(expiring(short), kept, *rest)
        await until(lambda: xds.board.streams[0].snapshot is xds.source.latest())
        await xds.server.stop(0.5)
        async with asyncio.timeout(20):
            while await running.stat("cluster_manager.cluster_removed") == 0:  # noqa: ASYNC110 - read, wakes nobody
                await asyncio.sleep(0.05)
        assert await running.stat("cluster.short.membership_total") == 0
        assert await running.stat("cluster.kept.membership_total") == 1
