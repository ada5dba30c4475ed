"""Behaviour 43: LRS, with Envoy's own messages on the client's side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from envoy_data_plane.envoy.config.core.v3 import Locality, Node
from envoy_data_plane.envoy.config.endpoint.v3 import ClusterStats, UpstreamLocalityStats
from envoy_data_plane.envoy.service.load_stats.v3 import LoadStatsRequest, LoadStatsResponse
from grpc import aio  # type: ignore[import-untyped]  # grpcio ships no types
from structlog.testing import capture_logs

from tests.features.client import NODE_ID, SOON, Fixture
from xds.server.loads import INTERVAL, MAX_CLUSTERS, MAX_LOCALITIES, ClientLoad, ClusterLoad, LoadTotal, LocalityLoad

LRS = "/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats"


@asynccontextmanager
async def reporting(xds: Fixture) -> AsyncIterator[aio.StreamStreamCall]:
    """A client that has been told what to report."""
    call = xds.channel.stream_stream(LRS)()
    await call.write(bytes(LoadStatsRequest(node=Node(id=NODE_ID))))
    response = LoadStatsResponse.parse(await call.read())
    assert response.send_all_clusters
    assert response.load_reporting_interval
    assert response.load_reporting_interval.total_seconds() == INTERVAL
    yield call
    call.cancel()


def report(*names: str, issued: int = 0, succeeded: int = 0, failed: int = 0, in_progress: int = 0) -> bytes:
    """Of each cluster these figures for each of two localities."""
    localities = [
        UpstreamLocalityStats(
            priority=priority,
            total_issued_requests=issued,
            total_successful_requests=succeeded,
            total_error_requests=failed,
            total_requests_in_progress=in_progress,
        )
        for priority in (0, 1)
    ]
    stats = [
        ClusterStats(cluster_name=name, upstream_locality_stats=localities, total_dropped_requests=1) for name in names
    ]
    return bytes(LoadStatsRequest(cluster_stats=stats))


async def load_when(xds: Fixture, condition: Callable[[ClientLoad], bool]) -> ClientLoad:
    async with asyncio.timeout(SOON):
        while not (xds.server.loads.clients and condition(xds.server.loads.clients[0])):  # noqa: ASYNC110 - it wakes nobody
            await asyncio.sleep(0.01)
    return xds.server.loads.clients[0]


async def test_b43_the_server_says_how_often_before_anything_is_reported(xds: Fixture) -> None:
    async with reporting(xds):
        (client,) = xds.server.loads.clients
        assert (str(client.proxy), client.reports, client.clusters) == ("app.default", 0, {})


async def test_b43_reports_are_added_up(xds: Fixture) -> None:
    async with reporting(xds) as call:
        for _ in range(3):
            await call.write(report("a", "b", issued=10, succeeded=7, failed=2, in_progress=1))
        client = await load_when(xds, lambda client: client.reports == 3)
        load = client.clusters["a"]
        assert load == ClusterLoad({"": LocalityLoad(60, 42, 12, 2)}, 3, load.reported_at)
        assert client.clusters.keys() == {"a", "b"}
    assert xds.server.loads.reports == 3
    assert xds.server.loads.total == LoadTotal(succeeded=84, failed=24, dropped=6)


async def test_b43_figures_are_kept_by_locality_and_of_so_many(xds: Fixture) -> None:
    zones = [f"z{number}" for number in range(MAX_LOCALITIES + 3)]
    localities = [
        UpstreamLocalityStats(locality=Locality(region="r", zone=zone), total_issued_requests=2) for zone in zones
    ]
    async with reporting(xds) as call:
        stats = ClusterStats(cluster_name="a", upstream_locality_stats=localities)
        await call.write(bytes(LoadStatsRequest(cluster_stats=[stats])))
        client = await load_when(xds, lambda client: client.reports == 1)
    found = client.clusters["a"].localities
    assert (len(found), client.left_out) == (MAX_LOCALITIES, 3)
    assert found["r/z0"] == LocalityLoad(issued=2)


async def test_b43_a_client_that_is_gone_has_no_figures(xds: Fixture) -> None:
    async with reporting(xds) as call:
        await call.done_writing()
        assert (await call.code()).name == "OK"
    assert xds.server.loads.clients == ()


async def test_figures_are_kept_of_so_many_clusters(xds: Fixture) -> None:
    async with reporting(xds) as call:
        await call.write(report(*(str(number) for number in range(MAX_CLUSTERS + 5)), "x" * 1000))
        client = await load_when(xds, lambda client: client.reports == 1)
        assert (len(client.clusters), client.left_out) == (MAX_CLUSTERS, 6)


async def test_a_client_that_does_not_say_who_it_is_is_refused(xds: Fixture) -> None:
    with capture_logs() as logs:
        for data in (b"", b"\xff\xff", b" " * (5 << 20)):
            call = xds.channel.stream_stream(LRS)()
            await call.write(data)
            assert (await call.code()).name in ("INVALID_ARGUMENT", "RESOURCE_EXHAUSTED")
    assert {log["event"] for log in logs} == {"a stream was refused"}
    assert xds.server.loads.clients == ()
