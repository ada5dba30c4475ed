"""How changes reach the proxies: who is affected by each, who has accepted it, who rejected it and why.

A proxy is affected by a change if the change gives it another resource; one that is not costs one comparison, shared by
all proxies with the same view. Changes that a proxy takes together, because they came faster than it could, count as
one for it: all of them affect it if any does. An affected proxy has accepted a change once its stream has settled on
that state or a later one and owes no answer for the types concerned; until then, or until it rejects what is new in it,
the change is due. A proxy that comes back still owes what it owed when it left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from xds.app.convergence_change import Change, Rejection
from xds.app.convergence_stream import Doubt, Due, TrackedStream, brought
from xds.app.store import ChangedObject, Publication
from xds.model.objects import ObjectKey, Origin
from xds.model.proxy import Proxy
from xds.protocol import Acked, Effect, Nacked, Quarantined, Send, Settled
from xds.resources import Resource, Snapshot, TypeUrl
from xds.server import StreamStatus

HISTORY = 200
"""Changes that are remembered."""
_MAX_GONE = 1000
"""Proxies that left owing an answer and are remembered until they come back."""
_MAX_CULPRITS = 10

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
        self._streams: dict[int, TrackedStream] = {}
        self._gone: dict[str, deque[Due]] = {}
        self._differences: dict[tuple[Snapshot, Snapshot], frozenset[TypeUrl]] = {}

    # What the store says

    def published(self, publication: Publication) -> None:
        self._differences.clear()
        self._changes.append(Change.of(publication))
        self._measure.folded(publication.seconds)

    def taken(self, proxy: Proxy, before: Snapshot | None, after: Snapshot, seconds: float, at: float) -> None:
        stream = self._streams.get(id(proxy))
        if stream is None:
            return  # it has ended
        missed = list(self._newer(stream.seen))
        stream.seen, stream.latest = self._changes[-1].generation, after
        if before is None or not missed:
            return
        self._measure.queued(at - missed[0].at)
        types = self._difference(before, after, seconds)
        for change in reversed(missed) if types else ():
            change.affected += 1
            stream.due.append(Due(change, types))

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
        self._streams[id(stream.proxy)] = TrackedStream(stream, due or deque(maxlen=self._history))

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
                self._finish(known, at)
            case Nacked():
                known.rejects(effect, at)
            case Quarantined():
                self._blame(known)
            case Settled():
                known.settled = known.seen
                self._blame(known)
                self._finish(known, at)
            case _:
                pass

    def _accepted(self, stream: TrackedStream, type_url: TypeUrl, at: float) -> None:
        for due in stream.answered(type_url):
            due.change.ack_type(type_url, at)
            self._measure.type_converged(type_url, at - due.change.seen_at)

    def _blame(self, stream: TrackedStream) -> None:
        """What is rejected for good counts against the changes that brought it, or against all if none did."""
        doubted = [(due, due.doubt, stream.culprits(due.doubt)) for due in stream.due if due.doubt]
        if not doubted:
            return
        rejected = [(due, doubt, culprits) for due, doubt, culprits in doubted if culprits]
        guilty = [each for each in rejected if brought(each[0], each[2])] or rejected
        for due, doubt, culprits in guilty:
            due.change.reject(self._rejection(stream, due, doubt, culprits))
            stream.due.remove(due)
        for due, _, _ in rejected:
            due.doubt = None

    def _finish(self, stream: TrackedStream, at: float) -> None:
        for due in [due for due in stream.due if not stream.owes(due)]:
            stream.due.remove(due)
            for type_url in due.types:
                stream.accepted[type_url] = at
            due.change.ack(stream.status.proxy, at)
            self._measure.converged(at - due.change.seen_at)

    def _rejection(self, stream: TrackedStream, due: Due, doubt: Doubt, culprits: list[Resource]) -> Rejection:
        keys = brought(due, culprits) or [key for resource in culprits for key in resource.origins]
        return self._describe(stream, doubt.type_url, doubt.reason, culprits, keys, doubt.at)

    def _describe(
        self,
        stream: TrackedStream,
        type_url: TypeUrl,
        reason: str,
        culprits: Iterable[Resource],
        keys: Iterable[ObjectKey],
        at: float,
    ) -> Rejection:
        proxy = stream.status.proxy
        names = tuple(resource.name for resource in islice(culprits, _MAX_CULPRITS))
        located = ((key, self._locate(key)) for key in islice(dict.fromkeys(keys), _MAX_CULPRITS))
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
        pending = [str(stream.status.proxy) for stream in self._streams.values() if stream.may_owe(change)]
        rejections = [found for stream in self._streams.values() for found in self._standing_of(stream, change, key)]
        return Standing(change, tuple(pending), tuple(rejections))

    def _standing_of(self, stream: TrackedStream, change: Change | None, key: ObjectKey) -> list[Rejection]:
        """What the proxy rejected of the change and has not made up for, or else rejects now because of this object."""
        recorded = [each for each in (change.rejections if change else ()) if stream.stands_by(each, key)]
        return recorded or [
            self._describe(stream, type_url, status.nack.message, culprits, [key], status.nack.at)
            for type_url, status in stream.status.types.items()
            if status.nack and (culprits := stream.goes_without(type_url, key))
        ]

    def blamed(self, proxy_id: str, type_url: TypeUrl, names: Collection[str]) -> tuple[ChangedObject, ...]:
        """The changed objects for which a proxy rejected one of these resources, as far as it is remembered."""
        return next(
            (
                rejection.objects
                for change in reversed(self._changes)
                for rejection in change.rejections
                if (rejection.proxy, rejection.type_url) == (proxy_id, type_url)
                and not set(names).isdisjoint(rejection.resources)
            ),
            (),
        )
