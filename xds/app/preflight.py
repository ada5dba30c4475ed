"""Between the store and the streams: what Envoy does not accept never leaves.

A stream gets a snapshot when everything in it that is new has been shown to a real Envoy. A resource that it refuses is
left as the stream last had it, or left out if it never had it; everything else goes on. What Envoy said of a resource
is remembered by content, so that the same content is never shown twice. If the budget does not suffice, or there is no
Envoy to ask, changes go out unchecked, which is told.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple, Protocol, TypeVar
from weakref import WeakSet

from xds.app.preflight_document import CHECKED
from xds.app.preflight_examination import Budget, Findings, Validate, examine
from xds.app.refusals import Refusal
from xds.model.proxy import Proxy
from xds.resources import EMPTY_SNAPSHOT, Resource, ResourceSet, Snapshot, TypeUrl
from xds.server import SnapshotSource, Subscription

_CONTENTS = 200_000
_REFUSALS = 1_000
_PROXIES = 1_000
"""How much is remembered: contents that are sound, contents that are refused, and proxies that may come back."""

K = TypeVar("K")
V = TypeVar("V")


class Content(NamedTuple):
    """What a verdict is about: a resource of this type and version, whatever it was made from."""

    type_url: TypeUrl
    version: str


class Admitted(NamedTuple):
    """What has become of a snapshot. given: the same without what is refused of it."""

    newest: Snapshot
    refusals: tuple[Refusal, ...]
    given: Snapshot


class Reporter(Protocol):
    """Is told what comes of the checks. Must return at once."""

    def checking(self, proxy: Proxy) -> None:
        """What there is for a stream of ``proxy`` (that very object) is checked before the stream gets it."""

    def admitted(self, proxy: Proxy, admitted: Admitted) -> None:
        """The stream takes what has been checked."""

    def unchecked(self, count: int, reason: str) -> None:
        """So many changed resources go out without having been checked."""


class Preflight:
    """A `SnapshotSource` in front of another. `run` must be running; everything happens in its event loop."""

    def __init__(
        self, source: SnapshotSource, validate: Validate, reporter: Reporter, budget: Budget | None = None
    ) -> None:
        self._source = source
        self._validate = validate
        self.reporter = reporter
        self._budget = budget or Budget()
        self._sound: OrderedDict[Content, None] = OrderedDict()
        self._refused: OrderedDict[Content, str] = OrderedDict()
        self._whole: WeakSet[Snapshot] = WeakSet()
        self._given: OrderedDict[str, Snapshot] = OrderedDict()
        self._due: asyncio.Queue[_Checked] = asyncio.Queue()

    def connect(self, proxy: Proxy, wake: Callable[[], None]) -> Subscription:
        """A stream of this proxy has begun; see `SnapshotSource`. What a gRPC client gets, an Envoy cannot judge."""
        if proxy.proxyless:
            return self._source.connect(proxy, wake)
        return _Checked(self, self._source, proxy, wake)

    async def run(self) -> None:
        """Checks what is due, until it is cancelled."""
        while True:
            stream = await self._due.get()
            await stream.check()

    def is_whole(self, snapshot: Snapshot) -> bool:
        """True if the snapshot has been checked and nothing in it was refused."""
        return snapshot in self._whole

    def given(self, proxy: Proxy) -> Snapshot:
        """What the proxy was given last, on this stream or on an earlier one."""
        return self._given.get(proxy.id, EMPTY_SNAPSHOT)

    def enqueue(self, stream: _Checked) -> None:
        """Has `_Checked.check` called soon."""
        self._due.put_nowait(stream)

    async def examine(self, snapshot: Snapshot, before: Snapshot) -> None:
        """Makes sure that there is a verdict on all that is new since ``before``, as far as the budget goes."""
        unknown = [
            resource
            for type_url in snapshot
            if type_url in CHECKED
            for resource in snapshot[type_url].diff(before[type_url]).changed
            if _content(resource) not in self._sound and _content(resource) not in self._refused
        ]
        if not unknown:
            return
        try:
            self._learn(await examine(unknown, self._validate, self._budget))
        except Exception as error:  # noqa: BLE001 - a check that cannot be made must not stop what it is for; it is told
            self.reporter.unchecked(len(unknown), f"{type(error).__name__}: {error}")

    def admit(self, snapshot: Snapshot, before: Snapshot, proxy: Proxy) -> Admitted:
        """The snapshot, with everything in it that is refused as it was before."""
        refusals = () if self.is_whole(snapshot) else tuple(self._refusals(snapshot))
        if not refusals:
            self._whole.add(snapshot)
        admitted = _with_former(snapshot, refusals, before) if refusals else snapshot
        _keep(self._given, proxy.id, admitted, _PROXIES)
        return Admitted(snapshot, refusals, admitted)

    def _refusals(self, snapshot: Snapshot) -> Iterator[Refusal]:
        for type_url in snapshot if self._refused else ():
            for resource in snapshot[type_url]:
                if (reason := self._refused.get(_content(resource))) is not None:
                    yield Refusal(resource, reason)

    def _learn(self, findings: Findings) -> None:
        for resource in findings.sound:
            _keep(self._sound, _content(resource), None, _CONTENTS)
        for resource, reason in findings.refused.items():
            _keep(self._refused, _content(resource), reason, _REFUSALS)
        if findings.unchecked:
            self.reporter.unchecked(len(findings.unchecked), "the budget does not suffice")


class _Checked:
    """One stream's view."""

    def __init__(self, preflight: Preflight, source: SnapshotSource, proxy: Proxy, wake: Callable[[], None]) -> None:
        self._preflight = preflight
        self._proxy = proxy
        self._wake = wake
        self._admitted: Admitted | None = None
        self._told: Admitted | None = None
        self._is_due = False
        self._is_open = True
        preflight.reporter.checking(proxy)
        self._subscription = source.connect(proxy, wake)

    def latest(self) -> Snapshot | None:
        """The newest snapshot that has been checked."""
        newest = self._subscription.latest()
        if newest is not None and not (self._admitted and self._admitted.newest is newest):
            if self._preflight.is_whole(newest):
                self._admit(newest)
            elif not self._is_due:
                self._is_due = True
                self._preflight.enqueue(self)
        return self._take()

    async def check(self) -> None:
        """Has the newest snapshot checked, and wakes the stream for it."""
        self._is_due = False
        newest = self._subscription.latest() if self._is_open else None
        if newest is None:
            return
        await self._preflight.examine(newest, self._before)
        self._admit(newest)
        if self._is_open:
            self._wake()

    @property
    def _before(self) -> Snapshot:
        return self._admitted.given if self._admitted else self._preflight.given(self._proxy)

    def _admit(self, snapshot: Snapshot) -> None:
        self._admitted = self._preflight.admit(snapshot, self._before, self._proxy)

    def _take(self) -> Snapshot | None:
        """What has been admitted, which is told when the stream takes it."""
        if self._admitted is None:
            return None
        if self._admitted is not self._told:
            self._told = self._admitted
            self._preflight.reporter.admitted(self._proxy, self._admitted)
        return self._admitted.given

    def close(self) -> None:
        self._is_open = False
        self._subscription.close()


def _with_former(snapshot: Snapshot, refusals: Iterable[Refusal], before: Snapshot) -> Snapshot:
    """The snapshot with what is refused as it was before, or without it."""
    names: dict[TypeUrl, set[str]] = {}
    for refusal in refusals:
        names.setdefault(refusal.resource.type_url, set()).add(refusal.resource.name)
    return Snapshot(
        {
            type_url: _set_with_former(snapshot[type_url], names[type_url], before[type_url])
            if type_url in names
            else snapshot[type_url]
            for type_url in snapshot
        }
    )


def _set_with_former(new: ResourceSet, refused: Collection[str], before: ResourceSet) -> ResourceSet:
    chosen = (before.get(each.name) if each.name in refused else each for each in new)
    return ResourceSet.of(each for each in chosen if each)


def _keep(memory: OrderedDict[K, V], key: K, value: V, most: int) -> None:
    """Remembers, and forgets what was learnt longest ago."""
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > most:
        memory.popitem(last=False)


def _content(resource: Resource) -> Content:
    return Content(resource.type_url, resource.version)
