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
from xds.protocol.limits import LimitExceededError, check_request
from xds.server.guard import Call, guarded
from xds.server.node import ParseNode, proxy_of
from xds.server.reports import Reports
from xds.wire.load_stats_pb2 import ClusterStats, LoadStatsRequest, LoadStatsResponse, UpstreamLocalityStats

SERVICE = "envoy.service.load_stats.v3.LoadReportingService"

INTERVAL = 10
"""Seconds between two reports of a client."""

MAX_CLUSTERS = 4096
"""Clusters of one client that figures are kept of. What it reports of others is left out."""

MAX_LOCALITIES = 64
"""The same for the localities of one cluster."""

_MAX_NAME_CHARACTERS = 512
_MAX_REPORT_BYTES = 4 << 20


@dataclass(slots=True)
class LocalityLoad:
    """Requests of one client to one locality of a cluster, since its stream began; in_progress: at its last report."""

    issued: int = 0
    succeeded: int = 0
    failed: int = 0
    in_progress: int = 0


@dataclass(slots=True)
class ClusterLoad:
    """Requests of one client to one cluster, since its stream began, by locality: ``region/zone/subzone``.

    dropped: requests that were not sent on, which therefore have no locality. reported_at: epoch seconds.
    """

    localities: dict[str, LocalityLoad] = field(default_factory=dict)
    dropped: int = 0
    reported_at: float = 0.0


@dataclass(slots=True, eq=False)
class ClientLoad:
    """One client. left_out: how often a report was about a cluster or a locality too many."""

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
            self.left_out += _add(self.clusters.setdefault(name, ClusterLoad()), stats, at)


@dataclass(slots=True)
class LoadTotal:
    """Requests of all clients to all clusters."""

    succeeded: int = 0
    failed: int = 0
    dropped: int = 0

    def add(self, reported: Iterable[ClusterStats]) -> None:
        """Take in one report."""
        for stats in reported:
            self.dropped += stats.total_dropped_requests
            self.succeeded += sum(each.total_successful_requests for each in stats.upstream_locality_stats)
            self.failed += sum(each.total_error_requests for each in stats.upstream_locality_stats)


class LoadBoard:
    """The clients that report now. clock: gives epoch seconds. reports, total: of all clients that ever were."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.reports = 0
        self.total = LoadTotal()
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
        stats = tuple(stats)
        client.add(stats, self._clock())
        self.reports += 1
        self.total.add(stats)

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


def _add(load: ClusterLoad, stats: ClusterStats, at: float) -> int:
    """Gives how many localities were left out."""
    load.dropped += stats.total_dropped_requests
    load.reported_at = at
    reported = set()
    left_out = 0
    for each in stats.upstream_locality_stats:
        name = _name_of(each)
        if name not in load.localities and (len(load.localities) >= MAX_LOCALITIES or len(name) > _MAX_NAME_CHARACTERS):
            left_out += 1
            continue
        locality = load.localities.setdefault(name, LocalityLoad())
        locality.issued += each.total_issued_requests
        locality.succeeded += each.total_successful_requests
        locality.failed += each.total_error_requests
        locality.in_progress = each.total_requests_in_progress + (locality.in_progress if name in reported else 0)
        reported.add(name)
    return left_out


def _name_of(stats: UpstreamLocalityStats) -> str:
    """Of its locality, which has an entry for each priority; empty if it is not known."""
    locality = stats.locality
    return "/".join((locality.region, locality.zone, locality.sub_zone)).rstrip("/")
