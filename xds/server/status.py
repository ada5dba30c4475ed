"""What every proxy was sent and what it answered: a fold over the effects of its streams.

Read by debug endpoints and commands, which show it; listeners are told as it happens, for metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from xds.model.proxy import Proxy
from xds.protocol import Acked, Current, Effect, Nacked, Quarantined, Send, Settled, Subscribed, Variant
from xds.resources import Resource, Snapshot, TypeUrl


class SyncState(StrEnum):
    """How a proxy stands in one type (``envoy.service.status.v3.ConfigStatus``)."""

    NOT_SENT = "NOT SENT"
    STALE = "STALE"
    SYNCED = "SYNCED"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class Nack:
    """A rejection. resources: those that the error names, or else all that the response changed. at: epoch seconds."""

    message: str
    version: str
    resources: tuple[Resource, ...]
    at: float


@dataclass(slots=True)
class TypeStatus:
    """One type on one stream. names: subscribed by name; wildcard: everything else too. Times are epoch seconds.

    quarantined: the names of resources that the proxy rejected as they should be, and has in its last accepted version
    or not at all. While there are any, ``nack`` is the last rejection, and the state is never ``SYNCED``.
    """

    names: int = 0
    wildcard: bool = False
    state: SyncState = SyncState.NOT_SENT
    sent_version: str = ""
    sent_nonce: str = ""
    sent_at: float | None = None
    acked_version: str = ""
    acked_at: float | None = None
    nack: Nack | None = None
    nacks: int = 0
    quarantined: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class StreamStatus:
    """One stream. snapshot: the newest that the proxy has settled on."""

    proxy: Proxy
    peer: str
    variant: Variant
    connected_at: float
    types: dict[TypeUrl, TypeStatus] = field(default_factory=dict)
    snapshot: Snapshot | None = None


class StatusListener(Protocol):
    """Is told of what happens on streams. Must return at once."""

    def opened(self, stream: StreamStatus) -> None:
        """A stream has begun."""

    def happened(self, stream: StreamStatus, effect: Effect, at: float) -> None:
        """A response was sent, accepted or rejected, or a snapshot has settled. stream: as it is afterwards."""

    def wrote(self, stream: StreamStatus, seconds: float) -> None:
        """A response has been handed to the network, which took that long: a client that reads slowly holds it up."""

    def closed(self, stream: StreamStatus) -> None:
        """A stream has ended."""


class StatusBoard:
    """The streams that are open now. clock: gives epoch seconds."""

    def __init__(self, clock: Callable[[], float], listeners: Iterable[StatusListener] = ()) -> None:
        self._clock = clock
        self._listeners: Sequence[StatusListener] = tuple(listeners)
        self._streams: dict[int, StreamStatus] = {}

    @property
    def streams(self) -> tuple[StreamStatus, ...]:
        """In the order in which they began."""
        return tuple(self._streams.values())

    def opened(self, proxy: Proxy, peer: str, variant: Variant) -> StreamStatus:
        stream = StreamStatus(proxy, peer, variant, self._clock())
        self._streams[id(stream)] = stream
        for listener in self._listeners:
            listener.opened(stream)
        return stream

    def happened(self, stream: StreamStatus, effect: Effect) -> None:
        now = self._clock()
        if isinstance(effect, Settled):
            stream.snapshot = effect.snapshot
        else:
            status = stream.types.get(effect.type_url)
            if status is None:
                status = stream.types[effect.type_url] = TypeStatus()
            _record(status, effect, now)
        for listener in self._listeners:
            listener.happened(stream, effect, now)

    def wrote(self, stream: StreamStatus, seconds: float) -> None:
        for listener in self._listeners:
            listener.wrote(stream, seconds)

    def closed(self, stream: StreamStatus) -> None:
        self._streams.pop(id(stream), None)
        for listener in self._listeners:
            listener.closed(stream)


def _record(status: TypeStatus, effect: Send | Acked | Nacked | Quarantined | Subscribed | Current, now: float) -> None:
    match effect:
        case Send():
            status.state = SyncState.STALE
            status.sent_version, status.sent_nonce, status.sent_at = effect.batch.version, effect.nonce, now
        case Acked():
            status.acked_version, status.acked_at = effect.version, now
            _answered(status)
        case Subscribed():
            status.names, status.wildcard = effect.names, effect.wildcard
        case Current():
            status.state = SyncState.SYNCED
        case Nacked():
            status.state = SyncState.ERROR
            status.nack = Nack(effect.error.message, effect.version, effect.suspects, now)
            status.nacks += 1
        case Quarantined():
            status.quarantined = effect.names
            if status.state is not SyncState.STALE:
                _answered(status)


def _answered(status: TypeStatus) -> None:
    """Nothing is in flight any more."""
    if status.quarantined:
        status.state = SyncState.ERROR
    else:
        status.state, status.nack = SyncState.SYNCED, None
