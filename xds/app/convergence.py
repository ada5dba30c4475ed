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
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

from xds.app.convergence_change import Change, Rejection
from xds.app.convergence_refusal import Blame, concerned
from xds.app.convergence_stream import Doubt, Due, TrackedStream, brought
from xds.app.refusals import Locate, Refusal, Refused
from xds.app.store import ChangedObject, Publication
from xds.model.objects import ObjectKey
from xds.model.proxy import Proxy
from xds.protocol import Acked, Effect, Nacked, Quarantined, Send, Settled
from xds.resources import Resource, Snapshot, TypeUrl
from xds.server import StreamStatus

HISTORY = 200
"""Changes that are remembered."""
_MAX_GONE = 1000
"""Proxies that left owing an answer and are remembered until they come back."""
_MAX_CULPRITS = 10

OnReject = Callable[[Rejection], None]


class Measure(Protocol):
    """Is told every figure, in seconds."""

    def published(self, waited: float, folded: float) -> None:
        """A change is in force, so long after the source saw it; folded: how long it took to read and fold it."""

    def compiled(self, seconds: float) -> None:
        """A snapshot was compiled, for all proxies with the same view."""

    def queued(self, seconds: float) -> None:
        """A stream took a change that was in force that long."""

    def type_converged(self, type_url: TypeUrl, seconds: float) -> None:
        """A proxy accepted its part of one type, so long after the source saw the change."""

    def converged(self, seconds: float) -> None:
        """A proxy has accepted all of a change, so long after the source saw it."""

    def finished(self, type_url: TypeUrl | None, first: float, last: float) -> None:
        """Every proxy that a change affects has accepted it, or its part of one type; None: all of it.

        first, last: of the proxies, so long after the source saw the change.
        """

    def rejected(self, rejection: Rejection) -> None:
        """Part of a change was rejected, by a proxy or before it got there."""


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

    def __init__(
        self, measure: Measure, locate: Locate, history: int = HISTORY, on_reject: OnReject = lambda rejection: None
    ) -> None:
        """on_reject: is told of the first proxy that rejects a change in this way."""
        self._on_reject = on_reject
        self._measure = measure
        self._locate = locate
        self._history = history
        self._changes: deque[Change] = deque(maxlen=history)
        self._streams: dict[int, TrackedStream] = {}
        self._to_blame = Blame()
        self._gone: dict[str, deque[Due]] = {}
        self._differences: dict[tuple[Snapshot, Snapshot], frozenset[TypeUrl]] = {}

    # What the store says

    def published(self, publication: Publication) -> None:
        self._differences.clear()
        self._changes.append(Change.of(publication))
        self._measure.published(publication.at - publication.seen_at, publication.seconds)

    def taken(self, proxy: Proxy, before: Snapshot | None, after: Snapshot, seconds: float, at: float) -> None:
        stream = self._streams.get(id(proxy))
        if stream is None:
            return  # it has ended
        missed = list(self._newer(stream.seen))
        stream.takes(after, self._changes[-1].generation)
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

    # What is checked before it is sent

    def checking(self, proxy: Proxy) -> None:
        """What there is for this stream is checked first; see `admitted`."""
        if stream := self._streams.get(id(proxy)):
            stream.is_checked = True

    def admitted(self, proxy: Proxy, newest: Snapshot, refusals: Iterable[Refusal], at: float) -> tuple[Refused, ...]:
        """The stream gets what it took, without what is refused. Gives that, with those to blame for it."""
        stream = self._streams.get(id(proxy))
        if stream is None:
            return ()
        dues, before = stream.passes(newest), stream.refused
        stream.refused = self._to_blame.put(refusals, before, dues, at)
        for refused in stream.refused:
            for due in concerned(refused, dues) if refused not in before else ():
                if due in stream.due:
                    self._reject(due.change, self._describe_refused(stream, refused))
                    stream.due.remove(due)
        return stream.refused

    # What the streams say

    def opened(self, stream: StreamStatus) -> None:
        due = self._gone.pop(stream.proxy.id, None)
        self._streams[id(stream.proxy)] = TrackedStream(stream, due or deque(maxlen=self._history))

    def wrote(self, stream: StreamStatus, seconds: float) -> None:
        """Is of no consequence: what counts is the answer."""

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
                known.sent[effect.type_url] = known.given
            case Acked():
                self._accepted(known, effect.type_url, at)
                self._finish(known, at)
            case Nacked():
                known.rejects(effect, at)
            case Quarantined():
                self._blame(known)
            case Settled():
                known.settled = known.given
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
            self._reject(due.change, self._rejection(stream, due, doubt, culprits))
            stream.due.remove(due)
        for due, _, _ in rejected:
            due.doubt = None

    def _reject(self, change: Change, rejection: Rejection) -> None:
        is_news = not any(each.is_like(rejection) for each in change.rejections)
        change.reject(rejection)
        self._measure.rejected(rejection)
        if is_news:
            self._on_reject(rejection)

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

    def _describe_refused(self, stream: TrackedStream, refused: Refused) -> Rejection:
        resource = refused.resource
        described = self._describe(stream, resource.type_url, refused.reason, [resource], refused.suspects, refused.at)
        return replace(described, in_preflight=True)

    # What it comes to

    def sum_up(self) -> None:
        """Measures the changes that every proxy has accepted by now. To be called now and then."""
        pending = self.pending()
        for change in self._changes:
            if change.acks.count and not (change.is_summed_up or change in pending or self.unasked(change)):
                change.is_summed_up = True
                for type_url, acks in (None, change.acks), *change.types.items():
                    if acks.first is not None and acks.last is not None:
                        self._measure.finished(type_url, acks.first - change.seen_at, acks.last - change.seen_at)

    @property
    def connected(self) -> frozenset[str]:
        """The node ids of all proxies that have a stream."""
        return frozenset(stream.status.proxy.id for stream in self._streams.values())

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
        return (
            recorded
            or [
                self._describe(stream, type_url, status.nack.message, culprits, [key], status.nack.at)
                for type_url, status in stream.status.types.items()
                if status.nack and (culprits := stream.goes_without(type_url, key))
            ]
            or [self._describe_refused(stream, refused) for refused in stream.is_refused(key)]
        )

    def refused(self, proxy: Proxy) -> tuple[Rejection, ...]:
        """What a stream of ``proxy`` (that very object) is not given because of the check."""
        stream = self._streams.get(id(proxy))
        return tuple(self._describe_refused(stream, each) for each in stream.refused) if stream else ()

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
