"""The server as a process, with clients: how old streams get, how they end, and what they report."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
import pytest
from envoy_data_plane.envoy.config.core.v3 import Locality, Node
from envoy_data_plane.envoy.config.endpoint.v3 import ClusterStats, UpstreamLocalityStats
from envoy_data_plane.envoy.service.load_stats.v3 import LoadStatsRequest

from tests.app.test_serve import SERVICE, serving
from xds.wire.core_pb2 import Node as WireNode
from xds.wire.discovery_pb2 import DeltaDiscoveryRequest

ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
LRS = "/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats"
NODE_ID = "sidecar~10.0.0.1~app.default~default.svc.cluster.local"
CLUSTERS = "type.googleapis.com/envoy.config.cluster.v3.Cluster"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "mesh"
    folder.mkdir()
    (folder / "a.yaml").write_text(SERVICE.replace("NAME", "a"))
    return folder


@contextmanager
def stream(address: str, method: str, *requests: bytes) -> Iterator[grpc.Call]:
    """A call that has sent these and stays open."""
    outgoing: SimpleQueue[bytes] = SimpleQueue()
    for request in requests:
        outgoing.put(request)
    with grpc.insecure_channel(address) as channel:
        call = channel.stream_stream(method)(iter(outgoing.get, b""), timeout=20)
        yield call
        outgoing.put(b"")


def subscription() -> bytes:
    return DeltaDiscoveryRequest(node=WireNode(id=NODE_ID), type_url=CLUSTERS).SerializeToString()


def test_a_stream_ends_when_it_has_the_age_that_was_given(config: Path, tmp_path: Path) -> None:
    with (
        serving(config, tmp_path / "log", "--max-stream-age", "1s", "--max-connecting", "1") as server,
        stream(server.xds, ADS, subscription()) as call,
    ):
        assert next(call)
        assert list(call) == []
        assert call.code() is grpc.StatusCode.OK


@pytest.mark.parametrize("drain", ["0s", "3s"])
def test_a_stop_with_streams_is_clean_and_soon_whatever_the_drain(config: Path, tmp_path: Path, drain: str) -> None:
    with (
        serving(config, tmp_path / "log", "--drain", drain) as server,
        stream(server.xds, ADS, subscription()) as call,
    ):
        assert next(call)
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(5) == 0
        assert time.monotonic() - started < 5
        (stopping,) = server.wait_for("stopping")
        assert stopping["drain_seconds"] == float(drain[:-1])


def test_load_reports_are_shown_by_client_cluster_and_locality(config: Path, tmp_path: Path) -> None:
    locality = UpstreamLocalityStats(
        locality=Locality(region="r", zone="z"),
        total_issued_requests=5,
        total_successful_requests=3,
        total_error_requests=1,
        total_requests_in_progress=1,
    )
    stats = ClusterStats(cluster_name="a", upstream_locality_stats=[locality], total_dropped_requests=2)
    report = LoadStatsRequest(node=Node(id=NODE_ID), cluster_stats=[stats])
    with serving(config, tmp_path / "log") as server, stream(server.xds, LRS, bytes(report)) as call:
        assert next(call)
        deadline = time.monotonic() + 5
        while not (client := json.loads(server.get("/debug/loads")[1])[0])["clusters"]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert (client["proxy"], client["reports"], client["leftOut"]) == ("app.default", 1, 0)
        cluster = client["clusters"]["a"]
        assert cluster.pop("lastReportAt") > 0
        figures = {"requests": 5, "succeeded": 3, "errors": 1, "inProgress": 1}
        assert cluster == {"dropped": 2, "localities": {"r/z": figures}}
        metrics = server.get("/metrics")[1]
        assert re.findall(r"^(pilothouse_(?:load|reported)\S+) (\S+)$", metrics, re.MULTILINE) == [
            ("pilothouse_load_clients", "1.0"),
            ("pilothouse_load_reports_total", "1.0"),
            ('pilothouse_reported_requests_total{outcome="succeeded"}', "3.0"),
            ('pilothouse_reported_requests_total{outcome="failed"}', "1.0"),
            ('pilothouse_reported_requests_total{outcome="dropped"}', "2.0"),
        ]
