"""What clients report of their requests: as a document, and as metrics."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from xds.console.http import Json
from xds.server import ClientLoad, ClusterLoad, LoadBoard, LocalityLoad


def loads_document(board: LoadBoard) -> Json:
    """By client, cluster and locality. Figures are of the time since the client connected; times are epoch seconds."""
    return [_client(client) for client in board.clients]


def _client(client: ClientLoad) -> Json:
    return {
        "proxy": str(client.proxy),
        "proxyID": client.proxy.id,
        "peer": client.peer,
        "reports": client.reports,
        "leftOut": client.left_out,
        "clusters": {name: _cluster(load) for name, load in sorted(client.clusters.items())},
    }


def _cluster(load: ClusterLoad) -> Json:
    return {
        "lastReportAt": load.reported_at,
        "dropped": load.dropped,
        "localities": {name: _locality(locality) for name, locality in sorted(load.localities.items())},
    }


def _locality(load: LocalityLoad) -> Json:
    return {
        "requests": load.issued,
        "succeeded": load.succeeded,
        "errors": load.failed,
        "inProgress": load.in_progress,
    }


class LoadMetrics(Collector):
    """Reads the board when Prometheus asks."""

    def __init__(self, board: LoadBoard, registry: CollectorRegistry) -> None:
        self._board = board
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """See `Collector`."""
        total = self._board.total
        yield GaugeMetricFamily("pilothouse_load_clients", "Clients that report loads.", len(self._board.clients))
        yield CounterMetricFamily("pilothouse_load_reports", "Load reports received.", self._board.reports)
        requests = CounterMetricFamily(
            "pilothouse_reported_requests", "Requests that clients reported, by outcome.", labels=["outcome"]
        )
        for outcome, count in ("succeeded", total.succeeded), ("failed", total.failed), ("dropped", total.dropped):
            requests.add_metric([outcome], count)
        yield requests
