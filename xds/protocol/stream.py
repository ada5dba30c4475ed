"""One xDS stream, from its first request to its end.

Theory of operation. A stream has a `Channel` for each type that the client asked for, and one `Rollout` that decides
what each channel may know. Whatever happens (a request, a new snapshot, the passing of time) is taken in first; then
the stream is pumped: every channel, in make-before-break order, is offered what the rollout releases and says what is
due, until nothing more is due and the rollout releases nothing more. All of it happens at once, in memory; the
effects are what remains to be done outside.

The warming rule: an Envoy that is given a changed cluster or listener waits for the endpoints, secrets and routes
that it refers to, but does not ask for those that it subscribes to already. So these are sent again right after it,
changed or not, and never wait for the cluster to be accepted, which in turn waits for them.
"""

from __future__ import annotations

from enum import Enum

from xds.protocol.delta import DeltaChannel
from xds.protocol.doubts import Doubts, NodeDoubts
from xds.protocol.errors import RemoteProtocolError
from xds.protocol.events import DeltaRequest, Effect, Nacked, Request, Send, Settled, SotwRequest
from xds.protocol.on_demand import ON_DEMAND_TYPES, OnDemandChannel
from xds.protocol.rollout import Rollout
from xds.protocol.shared import Shared
from xds.protocol.sotw import SotwChannel
from xds.resources import CLUSTER, LISTENER, TYPE_ORDER, Snapshot, TypeUrl

PATIENCE = 20.0
"""Seconds to wait for an answer before going on without. Longer than Envoy's ``initial_fetch_timeout`` of 15 s, after
which it accepts a cluster that did not warm."""

MAX_TYPES = 64
"""How many types one stream may ask for, known or not."""

_RANK = {type_url: rank for rank, type_url in enumerate(TYPE_ORDER)}


class Variant(Enum):
    """The two forms of the protocol."""

    SOTW = "sotw"
    DELTA = "delta"


class Stream:
    """The machine. Every method gives the effects to be carried out, in order."""

    __slots__ = (
        "_channels",
        "_doubts",
        "_nonce_prefix",
        "_nonces",
        "_only",
        "_patience",
        "_reported",
        "_rollout",
        "_shared",
        "_variant",
    )

    def __init__(
        self,
        variant: Variant,
        shared: Shared,
        only: TypeUrl | None = None,
        nonce_prefix: str = "",
        patience: float = PATIENCE,
        doubts: NodeDoubts | None = None,
    ) -> None:
        """only: the one type of a stream that is not aggregated. nonce_prefix: keeps nonces apart between streams.
        doubts: about the stream's node, from earlier streams and for later ones."""
        self._variant = variant
        self._shared = shared
        self._only = only
        self._nonce_prefix = nonce_prefix
        self._patience = patience
        self._doubts = doubts or Doubts().of("")
        self._nonces = 0
        self._channels: dict[TypeUrl, SotwChannel | DeltaChannel] = {}
        self._rollout = Rollout(shared)
        self._reported: Snapshot | None = None

    def receive_request(self, request: Request, now: float) -> list[Effect]:
        """The client said something. Raises RemoteProtocolError if the stream cannot go on."""
        channel = self._channel(self._type_of(request))
        until = now + self._patience
        effects = _hear(channel, request, until)
        if any(isinstance(effect, Nacked) for effect in effects):
            self._rollout.rejected(channel)
        if self._only is None and _brings_clusters(request):
            self._rollout.resume(until)
        return [*effects, *self._pump(now)]

    def receive_snapshot(self, snapshot: Snapshot, now: float) -> list[Effect]:
        """What the client should have from now on."""
        self._rollout.begin(snapshot, self._channels)
        return self._pump(now)

    def close(self) -> None:
        """The stream has ended. Nothing else may be called any more."""
        for channel in self._channels.values():
            if isinstance(channel, DeltaChannel):
                channel.close()

    def tick(self, now: float) -> list[Effect]:
        """Time has passed. To be called when `next_deadline` has come; at other times it does no harm."""
        for channel in self._channels.values():
            channel.delivery.expire(now)
            channel.quarantine.expire(now)
            channel.leases.expire(now)
        self._rollout.expire(now)
        return self._pump(now)

    @property
    def next_deadline(self) -> float | None:
        """When to call `tick` next; None: not before something else happens."""
        soonest = self._rollout.deadline
        for channel in self._channels.values():
            for deadline in (channel.delivery.deadline, channel.quarantine.deadline, channel.leases.deadline):
                if deadline is not None and (soonest is None or deadline < soonest):
                    soonest = deadline
        return soonest

    def _type_of(self, request: Request) -> TypeUrl:
        if self._only is None:
            if not request.type_url:
                raise RemoteProtocolError("a request on an aggregated stream must have a type_url")
            return request.type_url
        if request.type_url not in ("", self._only):
            raise RemoteProtocolError(f"this stream serves {self._only}, not {request.type_url}")
        return self._only

    def _channel(self, type_url: TypeUrl) -> SotwChannel | DeltaChannel:
        channel = self._channels.get(type_url)
        if channel is None:
            if len(self._channels) >= MAX_TYPES:
                raise RemoteProtocolError(f"a stream may ask for {MAX_TYPES} types, not more")
            channel = self._channels[type_url] = self._new_channel(type_url)
            self._channels = dict(sorted(self._channels.items(), key=lambda item: _RANK.get(item[0], len(_RANK))))
        return channel

    def _new_channel(self, type_url: TypeUrl) -> SotwChannel | DeltaChannel:
        if self._variant is Variant.SOTW:
            return SotwChannel(type_url, self._shared)
        kind = OnDemandChannel if type_url in ON_DEMAND_TYPES else DeltaChannel
        return kind(type_url, self._shared, self._doubts)

    def _pump(self, now: float) -> list[Effect]:
        effects: list[Effect] = []
        while self._pump_channels(effects, now) or self._rollout.advance(self._channels):
            pass
        effects += [news for channel in self._channels.values() if (news := channel.take_quarantined())]
        finished = self._rollout.finished(self._channels)
        if finished is not None and finished is not self._reported:
            self._reported = finished
            effects.append(Settled(finished))
        return effects

    def _pump_channels(self, effects: list[Effect], now: float) -> bool:
        """Once over all channels; True if what was sent makes more due."""
        more, rollout = False, self._rollout
        nothing_missing = rollout.has_nothing_missing(self._channels)
        for channel in self._channels.values():
            target, epoch, may_remove = rollout.release(channel.type_url)
            if nothing_missing and channel.rests(target, epoch, may_remove):
                continue
            missing = rollout.missing(channel.type_url, self._channels)
            channel.offer(target, epoch, may_remove, missing)
            current = channel.take_current()
            if current:
                effects.append(current)
            due = channel.take()
            if due is None:
                continue
            send = Send(self._next_nonce(), *due)
            channel.sent(send, now, now + self._patience)
            effects.append(send)
            more = self._warm(send, now) or more
        return more

    def _warm(self, send: Send, now: float) -> bool:
        """The warming rule; True if there may be something to send again because of it."""
        warms = False
        for reference in send.references:
            child = self._channels.get(reference.type_url)
            if child is not None:
                child.force(reference.name)
                warms = True
        if self._only is None and send.type_url == LISTENER:
            self._rollout.expect(send.references, self._channels, now + self._patience)
        return warms

    def _next_nonce(self) -> str:
        self._nonces += 1
        return f"{self._nonce_prefix}{self._nonces}"


def _brings_clusters(request: Request) -> bool:
    return isinstance(request, DeltaRequest) and request.type_url == CLUSTER and bool(request.initial_versions)


def _hear(channel: SotwChannel | DeltaChannel, request: Request, until: float) -> list[Effect]:
    match channel, request:
        case SotwChannel(), SotwRequest():
            return channel.receive(request, until)
        case DeltaChannel(), DeltaRequest():
            return channel.receive(request, until)
    raise TypeError(f"{type(request).__name__} on a stream of the other variant")
