"""LRS: how many requests clients send where, by their own reports.

A client reports nothing until it is told to, and how often. What it reports is kept as figures for as long as its
stream lasts. Source: ``envoy.service.load_stats.v3.LoadReportingService``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError

from xds.model.proxy import Proxy
from xds.protocol import RemoteProtocolError
from xds.server.codec import ParseNode, proxy_of
from xds.server.guard import Call, guarded
from xds.server.limits import LimitExceededError, check_request
from xds.server.reports import Reports
from xds.wire.load_stats_pb2 import ClusterStats, LoadStatsRequest, LoadStatsResponse

SERVICE = "envoy.service.load_stats.v3.LoadReportingService"

INTERVAL = 10
"""Seconds between two reports of a client."""

MAX_CLUSTERS = 4096
"""Clusters of one client that figures are kept of. What it reports of others is left out."""

_MAX_NAME_CHARACTERS = 512
_MAX_REPORT_BYTES = 4 << 20


@dataclass(slots=True)
class ClusterLoad:
    """Requests of one client to one cluster, since its stream began; in_progress and reported_at: in its last report.

    reported_at: epoch seconds.
    """

    issued: int = 0
    succeeded: int = 0
    failed: int = 0
    dropped: int = 0
    in_progress: int = 0
    reported_at: float = 0.0


@dataclass(slots=True, eq=False)
class ClientLoad:
    """One client. left_out: how often a report was about a cluster too many."""

    proxy: Proxy
    peer: str
    clusters: dict[str, ClusterLoad] = field(default_factory=dict)
    reports: int = 0
    left_out: int = 0

    def add(self, reported: Iterable[ClusterStats], at: float) -> None:
        """Take in one report, received at that time."""
        self.reports += 1
        for stats in reported:
            name = stats.cluster_name
            known = name in self.clusters
            if len(name) > _MAX_NAME_CHARACTERS or (not known and len(self.clusters) >= MAX_CLUSTERS):
                self.left_out += 1
                continue
            _add(self.clusters.setdefault(name, ClusterLoad()), stats, at)


class LoadBoard:
    """The clients that report now. clock: gives epoch seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._clients: dict[int, ClientLoad] = {}

    @property
    def clients(self) -> tuple[ClientLoad, ...]:
        """In the order in which they came."""
        return tuple(self._clients.values())

    def opened(self, proxy: Proxy, peer: str) -> ClientLoad:
        client = ClientLoad(proxy, peer)
        self._clients[id(client)] = client
        return client

    def reported(self, client: ClientLoad, stats: Iterable[ClusterStats]) -> None:
        client.add(stats, self._clock())

    def closed(self, client: ClientLoad) -> None:
        self._clients.pop(id(client), None)


class LoadReportingService:
    """The method of the service. interval: seconds between two reports of a client."""

    def __init__(self, board: LoadBoard, reports: Reports, parse_node: ParseNode, interval: int = INTERVAL) -> None:
        self._board = board
        self._reports = reports
        self._parse_node = parse_node
        self._instruction = LoadStatsResponse(
            send_all_clusters=True, load_reporting_interval=Duration(seconds=interval)
        ).SerializeToString()

    async def stream(self, _: object, call: Call) -> None:
        """``StreamLoadStats``."""
        async with guarded(call, "StreamLoadStats", self._reports):
            data = await call.read()
            if isinstance(data, bytes):
                await self._serve(call, _decode(data))

    async def _serve(self, call: Call, first: LoadStatsRequest) -> None:
        node = first.node if first.HasField("node") else None
        client = self._board.opened(proxy_of(node, self._parse_node), call.peer())
        try:
            await call.write(self._instruction)
            if first.cluster_stats:
                self._board.reported(client, first.cluster_stats)
            while isinstance(data := await call.read(), bytes):
                self._board.reported(client, _decode(data).cluster_stats)
        finally:
            self._board.closed(client)


def _decode(data: bytes) -> LoadStatsRequest:
    if len(data) > _MAX_REPORT_BYTES:
        raise LimitExceededError(f"a load report has {len(data)} bytes; {_MAX_REPORT_BYTES} are allowed")
    check_request(data, LoadStatsRequest.NODE_FIELD_NUMBER)
    try:
        return LoadStatsRequest.FromString(data)
    except DecodeError:
        raise RemoteProtocolError("this is not a LoadStatsRequest") from None


def _add(load: ClusterLoad, stats: ClusterStats, at: float) -> None:
    localities = stats.upstream_locality_stats
    load.issued += sum(each.total_issued_requests for each in localities)
    load.succeeded += sum(each.total_successful_requests for each in localities)
    load.failed += sum(each.total_error_requests for each in localities)
    load.in_progress = sum(each.total_requests_in_progress for each in localities)
    load.dropped += stats.total_dropped_requests
    load.reported_at = at
