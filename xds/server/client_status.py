"""CSDS: what every client was sent and what it answered, over gRPC.

One `ClientConfig` for each node, with one entry for each type, whose name is empty: a status belongs to a type as a
whole. Source: ``envoy.service.status.v3.ClientStatusDiscoveryService``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from xds.protocol import RemoteProtocolError
from xds.protocol.limits import check_request
from xds.resources import TypeUrl
from xds.server.guard import Call, guarded
from xds.server.reports import Reports
from xds.server.status import StatusBoard, StreamStatus, SyncState, TypeStatus
from xds.wire.client_status_pb2 import (
    ClientConfig,
    ClientStatusRequest,
    ClientStatusResponse,
    StringMatcher,
    UpdateFailureState,
)
from xds.wire.core_pb2 import Locality, Node

SERVICE = "envoy.service.status.v3.ClientStatusDiscoveryService"

_STATES: Mapping[SyncState, ClientConfig.ConfigStatus] = MappingProxyType(
    {
        SyncState.SYNCED: ClientConfig.SYNCED,
        SyncState.NOT_SENT: ClientConfig.NOT_SENT,
        SyncState.STALE: ClientConfig.STALE,
        SyncState.ERROR: ClientConfig.ERROR,
    }
)


class ClientStatusService:
    """The methods of the service."""

    def __init__(self, board: StatusBoard, reports: Reports) -> None:
        self._board = board
        self._reports = reports

    async def stream(self, _: object, call: Call) -> None:
        """``StreamClientStatus``: an answer for each request."""
        async with guarded(call, "StreamClientStatus", self._reports):
            while isinstance(data := await call.read(), bytes):
                await call.write(self._answer(data))

    async def fetch(self, data: bytes, call: Call) -> bytes:
        """``FetchClientStatus``."""
        async with guarded(call, "FetchClientStatus", self._reports):
            return self._answer(data)

    def _answer(self, data: bytes) -> bytes:
        check_request(data, ClientStatusRequest.NODE_FIELD_NUMBER)
        try:
            request = ClientStatusRequest.FromString(data)
        except DecodeError:
            raise RemoteProtocolError("this is not a ClientStatusRequest") from None
        return client_status(self._board.streams, request).SerializeToString()


def client_status(streams: Iterable[StreamStatus], request: ClientStatusRequest) -> ClientStatusResponse:
    """The status of the clients that the request asks about. Raises RemoteProtocolError if it asks in another way.

    streams: in the order in which they began; of a type that a client has on several, the last counts.
    """
    _check(request)
    clients: dict[str, dict[TypeUrl, TypeStatus]] = {}
    nodes: dict[str, Node] = {}
    for stream in streams:
        if _is_asked_for(stream.proxy.id, request):
            clients.setdefault(stream.proxy.id, {}).update(stream.types)
            nodes[stream.proxy.id] = _node(stream)
    return ClientStatusResponse(
        config=[
            ClientConfig(node=nodes[name], generic_xds_configs=[_entry(url, status) for url, status in types.items()])
            for name, types in clients.items()
        ]
    )


def _check(request: ClientStatusRequest) -> None:
    for matcher in request.node_matchers:
        if matcher.node_metadatas:
            raise RemoteProtocolError("clients can be told by their node id, not by metadata")
        if not matcher.node_id.WhichOneof("match_pattern"):
            raise RemoteProtocolError("a node_id is matched by exact, prefix, suffix or contains")


def _is_asked_for(node_id: str, request: ClientStatusRequest) -> bool:
    matchers = request.node_matchers
    return not matchers or any(_matches(matcher.node_id, node_id) for matcher in matchers)


def _matches(matcher: StringMatcher, text: str) -> bool:
    kind = matcher.WhichOneof("match_pattern")
    pattern: str = getattr(matcher, kind) if kind else ""
    if matcher.ignore_case:
        pattern, text = pattern.lower(), text.lower()
    match kind:
        case "exact":
            return text == pattern
        case "prefix":
            return text.startswith(pattern)
        case "suffix":
            return text.endswith(pattern)
        case _:
            return pattern in text


def _node(stream: StreamStatus) -> Node:
    locality = stream.proxy.locality
    return Node(
        id=stream.proxy.id,
        locality=Locality(region=locality.region, zone=locality.zone, sub_zone=locality.sub_zone),
    )


def _entry(type_url: TypeUrl, status: TypeStatus) -> ClientConfig.GenericXdsConfig:
    """version_info and last_updated are of what the client accepted last."""
    entry = ClientConfig.GenericXdsConfig(
        type_url=type_url, version_info=status.acked_version, config_status=_STATES[status.state]
    )
    if status.acked_at is not None:
        entry.last_updated.CopyFrom(_timestamp(status.acked_at))
    if status.nack is not None:
        entry.error_state.CopyFrom(
            UpdateFailureState(
                details=status.nack.message,
                version_info=status.nack.version,
                last_update_attempt=_timestamp(status.nack.at),
            )
        )
    return entry


def _timestamp(seconds: float) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromNanoseconds(int(seconds * 1e9))
    return timestamp
