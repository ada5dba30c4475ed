"""Behaviours 37 and 38 with a real Envoy: virtual hosts and clusters that it fetches when a request needs them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from envoy_data_plane.envoy.config.core.v3 import AggregatedConfigSource, ConfigSource
from envoy_data_plane.envoy.config.route.v3 import (
    Route,
    RouteAction,
    RouteConfiguration,
    RouteMatch,
    Vhds,
    VirtualHost,
)

from tests.features.client import Fixture
from tests.features.envoy import Sidecar, backend, cluster, endpoints, listener, on_demand, running_envoy
from xds.pipeline.translator import resource_of
from xds.resources import CLUSTER, VIRTUAL_HOST, Resource

VHDS_IP = "127.77.37.1"
ODCDS_IP = "127.77.38.1"


def host(name: str, *domains: str, to: str) -> Resource:
    route = Route(match=RouteMatch(prefix="/"), route=RouteAction(cluster=to))
    return resource_of(VirtualHost(name=f"web/{name}", domains=list(domains), routes=[route]))


def served(*hosts: Resource) -> Iterable[Resource]:
    """Two clusters, and these virtual hosts of the RouteConfiguration ``web``."""
    vhds = Vhds(config_source=ConfigSource(ads=AggregatedConfigSource()))
    return (
        *(cluster("v1"), endpoints("v1", [(VHDS_IP, 8001)])),
        *(cluster("v2"), endpoints("v2", [(VHDS_IP, 8002)])),
        listener("web", VHDS_IP, 8080, "web", on_demand()),
        resource_of(RouteConfiguration(name="web", vhds=vhds)),
        *hosts,
    )


async def until(running: Sidecar, answer: tuple[int, str], host: str) -> None:
    async with asyncio.timeout(10):
        while await running.get(host=host) != answer:  # noqa: ASYNC110 - another process wakes nobody here
            await asyncio.sleep(0.02)


@asynccontextmanager
async def backends(ip: str) -> AsyncIterator[None]:
    async with backend(ip, 8001, "v1"), backend(ip, 8002, "v2"):
        yield


async def test_b37_envoy_fetches_a_virtual_host_with_the_first_request_for_it(xds: Fixture, tmp_path: Path) -> None:
    xds.publish(*served(host("a", "a.com", to="v1"), host("all-b", "*.b.com", to="v2")))
    async with backends(VHDS_IP), running_envoy(tmp_path, VHDS_IP, xds.port, "DELTA_GRPC") as running:
        await running.ready()
        assert await running.stat("http.web.rds.vhds.web.update_attempt") > 0
        assert await running.stat("http.web.rds.vhds.web.init_fetch_timeout") == 0
        assert await running.get(host="a.com") == (200, "v1")
        assert await running.get(host="x.b.com") == (200, "v2")
        assert (await running.get(host="unknown.com"))[0] == 404
        assert xds.board.streams[0].types[VIRTUAL_HOST].nack is None


async def test_b37_envoy_follows_changes_and_removals_of_what_it_fetched(xds: Fixture, tmp_path: Path) -> None:
    xds.publish(*served(host("a", "a.com", to="v1")))
    async with backends(VHDS_IP), running_envoy(tmp_path, VHDS_IP, xds.port, "DELTA_GRPC") as running:
        await running.ready()
        assert await running.get(host="a.com") == (200, "v1")
        xds.publish(*served(host("a", "a.com", to="v2")))
        await until(running, (200, "v2"), "a.com")
        xds.publish(*served())
        async with asyncio.timeout(10):
            while (await running.get(host="a.com"))[0] != 404:  # noqa: ASYNC110 - another process wakes nobody here
                await asyncio.sleep(0.02)
        xds.publish(*served(host("a", "a.com", to="v1")))
        await until(running, (200, "v1"), "a.com")


async def test_b38_envoy_fetches_a_cluster_with_the_first_request_for_it(xds: Fixture, tmp_path: Path) -> None:
    by_header = Route(match=RouteMatch(prefix="/"), route=RouteAction(cluster_header="x-to"))
    routes = RouteConfiguration(name="web", virtual_hosts=[VirtualHost(name="all", domains=["*"], routes=[by_header])])
    xds.publish(
        *(cluster("v1"), endpoints("v1", [(ODCDS_IP, 8001)])),
        *(cluster("v2"), endpoints("v2", [(ODCDS_IP, 8002)])),
        listener("web", ODCDS_IP, 8080, "web", on_demand(clusters=True)),
        resource_of(routes),
    )
    async with (
        backends(ODCDS_IP),
        running_envoy(tmp_path, ODCDS_IP, xds.port, "DELTA_GRPC", cds_config=None) as running,
    ):
        await running.ready()
        assert await running.get(x_to="v1") == (200, "v1")
        assert await running.stat("cluster_manager.cluster_added") == 2  # with that of xDS itself
        assert (await running.get(x_to="unknown"))[0] == 503  # told at once that there is none
        assert await running.get(x_to="v2") == (200, "v2")
        assert all(stream.types[CLUSTER].nack is None for stream in xds.board.streams if CLUSTER in stream.types)
