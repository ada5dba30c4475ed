"""How changes reach the proxies: who is affected by each, who has accepted it, who rejected it and why.

A proxy is affected by a change if the change gives it another resource; one that is not costs one comparison, shared by
all proxies with the same view. Changes that a proxy takes together, because they came faster than it could, count as
one for it: all of them affect it if any does. An affected proxy has accepted a change once its stream has settled on
that state or a later one and owes no answer for the types concerned; until then, or until it rejects what is new in it,
the change is due. A proxy that comes back still owes what it owed when it left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple, Protocol

from xds.app.convergence_change import Change, Rejection
from xds.app.store import ChangedObject, Publication
from xds.model.objects import ObjectKey, Origin
from xds.model.proxy import Proxy
from xds.protocol import Acked, Effect, Nacked, Send, Settled
from xds.resources import Resource, Snapshot, TypeUrl
from xds.server import StreamStatus, SyncState

HISTORY = 200
"""Changes that are remembered."""
_MAX_GONE = 1000
"""Proxies that left owing an answer and are remembered until they come back."""
_MAX_SUSPECTS = 10

Locate = Callable[[ObjectKey], Origin | None]


class Measure(Protocol):
    """Is told every figure, in seconds."""

    def folded(self, seconds: float) -> None:
        """A change was read and put in force."""

    def compiled(self, seconds: float) -> None:
        """A snapshot was compiled, for all proxies with the same view."""

    def queued(self, seconds: float) -> None:
        """A stream took a change that was in force that long."""

    def type_converged(self, type_url: TypeUrl, seconds: float) -> None:
        """A proxy accepted its part of one type, so long after the source saw the change."""

    def converged(self, seconds: float) -> None:
        """A proxy has accepted all of a change, so long after the source saw it."""


class _Due(NamedTuple):
    """A change that a proxy has not answered in full. types: those in which it gives the proxy something else."""

    change: Change
    types: frozenset[TypeUrl]


@dataclass(slots=True)
class _Stream:
    """seen, settled: the newest generation that it took, and that it settled on. sent: by type, the generation that the
    last response belongs to. accepted: by type, when it last accepted all of a change. Due is bounded by its owner."""

    status: StreamStatus
    due: deque[_Due]
    seen: int = 0
    settled: int = 0
    sent: dict[TypeUrl, int] = field(default_factory=dict)
    accepted: dict[TypeUrl, float] = field(default_factory=dict)

    def owes(self, due: _Due) -> bool:
        """Whether there is an answer to come. A client that subscribes to nothing of a type answers nothing."""
        if due.change.generation > self.settled:
            return True
        types = (self.status.types.get(type_url) for type_url in due.types)
        return any(each and each.state is SyncState.STALE and (each.names or each.wildcard) for each in types)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the newest version of an object stands. change: the one that brought it, if it is still remembered.

    pending: ``name.namespace`` of those that may have to accept it yet. rejections: those that stand.
    """

    change: Change | None
    pending: tuple[str, ...]
    rejections: tuple[Rejection, ...]


class Convergence:
    """An `Observer` of the store and a `StatusListener` for the streams, in one thread."""

    def __init__(self, measure: Measure, locate: Locate, history: int = HISTORY) -> None:
        self._measure = measure
        self._locate = locate
        self._history = history
        self._changes: deque[Change] = deque(maxlen=history)
        self._streams: dict[int, _Stream] = {}
        self._gone: dict[str, deque[_Due]] = {}
        self._differences: dict[tuple[Snapshot, Snapshot], frozenset[TypeUrl]] = {}

    # What the store says

    def published(self, publication: Publication) -> None:
        self._differences.clear()
        self._changes.append(Change.of(publication))
        self._measure.folded(publication.seconds)

    def taken(self, proxy: Proxy, before: Snapshot | None, after: Snapshot, seconds: float, at: float) -> None:
        stream = self._streams[id(proxy)]
        missed = list(self._newer(stream.seen))
        stream.seen = self._changes[-1].generation
        if before is None or not missed:
            return
        self._measure.queued(at - missed[0].at)
        types = self._difference(before, after, seconds)
        for change in reversed(missed) if types else ():
            change.affected += 1
            stream.due.append(_Due(change, types))

    def _newer(self, generation: int) -> Iterator[Change]:
        """From the newest on."""
        for change in reversed(self._changes):
            if change.generation <= generation:
                return
            yield change

    def _difference(self, before: Snapshot, after: Snapshot, seconds: float) -> frozenset[TypeUrl]:
        types = self._differences.get((before, after))
        if types is None:
            types = frozenset(url for url in {*before, *after} if after[url].diff(before[url]))
            self._differences[before, after] = types
            self._changes[-1].compile_seconds += seconds
            self._measure.compiled(seconds)
        return types

    # What the streams say

    def opened(self, stream: StreamStatus) -> None:
        due = self._gone.pop(stream.proxy.id, None)
        self._streams[id(stream.proxy)] = _Stream(stream, due or deque(maxlen=self._history))

    def closed(self, stream: StreamStatus) -> None:
        left = self._streams.pop(id(stream.proxy))
        if left.due:
            self._gone[stream.proxy.id] = left.due
            if len(self._gone) > _MAX_GONE:
                del self._gone[next(iter(self._gone))]

    def happened(self, stream: StreamStatus, effect: Effect, at: float) -> None:
        known = self._streams[id(stream.proxy)]
        match effect:
            case Send():
                known.sent[effect.type_url] = known.seen
            case Acked():
                self._accepted(known, effect.type_url, at)
            case Nacked():
                self._rejected(known, effect, at)
            case Settled():
                known.settled = known.seen
                self._finish(known, at)
            case _:
                pass

    def _accepted(self, stream: _Stream, type_url: TypeUrl, at: float) -> None:
        for due in _answered(stream, type_url):
            due.change.ack_type(type_url, at)
            self._measure.type_converged(type_url, at - due.change.seen_at)
        self._finish(stream, at)

    def _finish(self, stream: _Stream, at: float) -> None:
        done = [due for due in stream.due if not stream.owes(due)]
        for due in done:
            stream.due.remove(due)
            stream.accepted.update(dict.fromkeys(due.types, at))
            due.change.ack(str(stream.status.proxy), at)
            self._measure.converged(at - due.change.seen_at)

    def _rejected(self, stream: _Stream, nacked: Nacked, at: float) -> None:
        """Counts against the changes that brought what is rejected: not against those that resent it unchanged."""
        news = [resource for resource in nacked.suspects if _is_news(resource, stream.status.snapshot)]
        if nacked.suspects and not news:
            return
        origins = dict.fromkeys(key for resource in news for key in resource.origins)
        answered = _answered(stream, nacked.type_url)
        for due in [due for due in answered if not due.change.changed.isdisjoint(origins)] or answered:
            keys = [key for key in origins if key in due.change.changed] or list(origins)
            due.change.reject(self._rejection(stream, nacked.type_url, nacked.error.message, news, keys, at))
            stream.due.remove(due)

    def _rejection(
        self,
        stream: _Stream,
        type_url: TypeUrl,
        reason: str,
        suspects: Iterable[Resource],
        keys: Iterable[ObjectKey],
        at: float,
    ) -> Rejection:
        proxy = stream.status.proxy
        names = tuple(resource.name for resource in islice(suspects, _MAX_SUSPECTS))
        located = ((key, self._locate(key)) for key in islice(keys, _MAX_SUSPECTS))
        objects = tuple(ChangedObject(key, origin, origin is not None) for key, origin in located)
        return Rejection(proxy.id, str(proxy), type_url, reason, names, objects, at)

    # What it comes to

    @property
    def changes(self) -> tuple[Change, ...]:
        """Newest first."""
        return tuple(reversed(self._changes))

    def pending(self) -> Mapping[Change, list[str]]:
        """By change, ``name.namespace`` of the connected proxies that it affects and that have not answered in full."""
        pending: dict[Change, list[str]] = {}
        for stream in self._streams.values():
            for due in stream.due:
                pending.setdefault(due.change, []).append(str(stream.status.proxy))
        return pending

    def unasked(self, change: Change) -> int:
        """How many streams have not looked at this change yet, so that it is not known whether it affects them."""
        return sum(1 for stream in self._streams.values() if stream.seen < change.generation)

    def standing(self, key: ObjectKey) -> Standing:
        """How the newest version of this object stands with the proxies that are connected."""
        change = next((change for change in reversed(self._changes) if key in change.changed), None)
        pending = [str(stream.status.proxy) for stream in self._streams.values() if _may_owe(stream, change)]
        rejections = [found for stream in self._streams.values() for found in self._standing_of(stream, change, key)]
        return Standing(change, tuple(pending), tuple(rejections))

    def _standing_of(self, stream: _Stream, change: Change | None, key: ObjectKey) -> list[Rejection]:
        """What the proxy rejected of the change and has not made up for, or else rejects now because of this object."""
        recorded = [each for each in (change.rejections if change else ()) if _stands(each, stream, key)]
        return recorded or [
            self._rejection(stream, type_url, nack.message, nack.resources, [key], nack.at)
            for type_url, status in stream.status.types.items()
            if (nack := status.nack) and any(key in resource.origins for resource in nack.resources)
        ]

    def blamed(self, proxy_id: str, type_url: TypeUrl, at: float) -> tuple[ChangedObject, ...]:
        """Which objects of which change a proxy rejected then; nothing if it rejected none that is remembered."""
        return next(
            (
                rejection.objects
                for change in reversed(self._changes)
                for rejection in change.rejections
                if (rejection.proxy, rejection.type_url, rejection.at) == (proxy_id, type_url, at)
            ),
            (),
        )


def _stands(rejection: Rejection, stream: _Stream, key: ObjectKey) -> bool:
    """Until the object behind it changes; for others of the same change, until the proxy accepts a later one."""
    if rejection.proxy != stream.status.proxy.id:
        return False
    about = {changed.key for changed in rejection.objects}
    return not about or key in about or stream.accepted.get(rejection.type_url, 0.0) <= rejection.at


def _answered(stream: _Stream, type_url: TypeUrl) -> list[_Due]:
    """The due changes that an answer to the last response of this type is about."""
    sent = stream.sent.get(type_url, 0)
    return [due for due in stream.due if type_url in due.types and due.change.generation <= sent]


def _is_news(resource: Resource, settled: Snapshot | None) -> bool:
    before = settled[resource.type_url].get(resource.name) if settled else None
    return before is None or before.version != resource.version


def _may_owe(stream: _Stream, change: Change | None) -> bool:
    """Also if it has never settled on anything, or not looked at the change yet."""
    if stream.status.snapshot is None or (change is not None and stream.seen < change.generation):
        return True
    return any(due.change is change for due in stream.due)
