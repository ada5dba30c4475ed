"""`xds.wire.encode` against the library's own ``bytes()``, on a cluster: how many times as fast it is."""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.cluster.v3 import (
    CircuitBreakers,
    CircuitBreakersThresholds,
    Cluster,
    ClusterDiscoveryType,
    ClusterEdsClusterConfig,
    OutlierDetection,
)
from envoy_data_plane.envoy.config.core.v3 import AggregatedConfigSource, ApiVersion, ConfigSource

from bench.case import Case, Figure, Samples, Size
from bench.stopwatch import Stopwatch
from xds.wire.encode import encode

_MICROSECONDS = 1000


def measure(size: Size) -> Samples:
    message, watch = _cluster(), Stopwatch()
    encode(message)
    with watch.lap("ours"):
        for _ in range(size.changes * 10):
            encode(message)
    with watch.lap("theirs"):
        for _ in range(size.changes):
            bytes(message)
    ours, theirs = watch.samples["ours"][0] / (size.changes * 10), watch.samples["theirs"][0] / size.changes
    return {"encode": [ours * _MICROSECONDS], "bytes()": [theirs * _MICROSECONDS], "ratio": [theirs / ours]}


def _cluster() -> Cluster:
    ads = ConfigSource(ads=AggregatedConfigSource(), resource_api_version=ApiVersion.V3)
    return Cluster(
        name="outbound|80|v1|app-0001.team-01.svc.cluster.local",
        type=ClusterDiscoveryType.EDS,
        eds_cluster_config=ClusterEdsClusterConfig(eds_config=ads),
        connect_timeout=timedelta(seconds=10),
        circuit_breakers=CircuitBreakers(thresholds=[CircuitBreakersThresholds(max_connections=100)]),
        outlier_detection=OutlierDetection(interval=timedelta(seconds=5)),
    )


CASE = Case(
    name="encoder",
    figures=(Figure("encode", "us"), Figure("bytes()", "us"), Figure("ratio", "x")),
    measure=measure,
)
