"""Make before break: which part of which snapshot a stream may know, so that no route ever outruns its clusters.

::

                    SNAPSHOT                MADE                   SWITCHED
        SETTLED -------------->  MAKING  ----------->  SWITCHING  ------------>  SETTLED
                                   ^                       |
                                   |_______SNAPSHOT________|

- MAKING. Clusters, endpoints and secrets of the newest snapshot go out at once, and whatever only older ones have
  stays. All other types wait until the client accepted them: Envoy accepts a cluster only once it is warm.
- SWITCHING. Listeners, routes and the rest go out. Nothing is taken away yet.
- SETTLED. The client accepted them too, and has asked for and got the routes of new listeners: clusters, endpoints and
  secrets that only older snapshots had are removed, but for what it may need because it runs on an older version of a
  resource, having rejected the newer one.

A snapshot that arrives in MAKING does not start the wait anew: what the first one waited for is released when that was
accepted, then the newest gets its turn. If the client rejects a part of what is being made, the newest gets its turn at
once. What it rejected and has in no version holds back the routes and listeners that name it, and nothing else. Every
wait ends by a time-out. A type that the client never subscribed holds up nothing, so a stream of one type is served
at once, and a client may begin at whatever end it likes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from xds.protocol.channel import Channel
from xds.protocol.events import DeltaRequest, SotwRequest
from xds.protocol.mentions import mentions_any
from xds.protocol.shared import Shared, Swaps
from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET, Reference, ResourceSet, Snapshot, TypeUrl

AnyChannel = Channel[SotwRequest] | Channel[DeltaRequest]
Channels = Mapping[TypeUrl, AnyChannel]

Needed = Mapping[TypeUrl, Swaps]
"""By type, resources that are in no snapshot any more but still needed."""

MADE_FIRST = (CLUSTER, ENDPOINT, SECRET)
"""Types that others name: new ones precede, old ones outlive whatever names them."""

_NOTHING: frozenset[Reference] = frozenset()
_NO_TYPES: frozenset[TypeUrl] = frozenset()

Release = tuple[ResourceSet | None, int, bool]
"""What a client may know of a type (None: nothing yet), the epoch that this belongs to, and whether the client may be
told to drop what is not in it: nothing in force can need that any more."""


class Phase(Enum):
    """See the module."""

    SETTLED = "settled"
    MAKING = "making"
    SWITCHING = "switching"


class Event(Enum):
    """What moves a rollout on."""

    SNAPSHOT = "snapshot"
    MADE = "made"
    SWITCHED = "switched"


TRANSITIONS: Mapping[Phase, Mapping[Event, Phase]] = MappingProxyType(
    {
        Phase.SETTLED: {Event.SNAPSHOT: Phase.MAKING},
        Phase.MAKING: {Event.SNAPSHOT: Phase.MAKING, Event.MADE: Phase.SWITCHING},
        Phase.SWITCHING: {Event.SNAPSHOT: Phase.MAKING, Event.SWITCHED: Phase.SETTLED},
    }
)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A snapshot and its place in the order in which the stream was given them, counted from 1."""

    snapshot: Snapshot
    epoch: int


class Rollout:
    """The phase of one stream, and what it releases to its channels."""

    __slots__ = (
        "_awaited",
        "_awaited_types",
        "_awaited_until",
        "_blind",
        "_candidate",
        "_kept",
        "_latest",
        "_made",
        "_shared",
        "_switched",
        "phase",
    )

    def __init__(self, shared: Shared) -> None:
        self.phase = Phase.SETTLED
        self._shared = shared
        self._latest: Numbered | None = None
        self._candidate: Numbered | None = None
        self._switched: Numbered | None = None
        self._made: dict[TypeUrl, ResourceSet] = {}
        self._kept: Needed = {}
        self._blind = False
        self._awaited: frozenset[Reference] = _NOTHING
        self._awaited_types: frozenset[TypeUrl] = _NO_TYPES
        self._awaited_until: float | None = None

    def begin(self, snapshot: Snapshot, channels: Channels) -> None:
        """A new snapshot is in force."""
        latest = Numbered(snapshot, self._latest.epoch + 1 if self._latest else 1)
        self._latest = latest
        for type_url in MADE_FIRST:
            self._hold(type_url, channels.get(type_url))
        if self.phase is not Phase.MAKING:
            self._candidate = latest
        self._move(Event.SNAPSHOT)

    def rejected(self, channel: AnyChannel) -> None:
        """The client refused something: what is not in force any more need not be held for it."""
        if channel.type_url in MADE_FIRST and self.phase is not Phase.SETTLED:
            self._hold(channel.type_url, channel)
            self._candidate = self._latest

    def release(self, type_url: TypeUrl) -> Release:
        """What the client may know of a type now."""
        made_first = type_url in MADE_FIRST
        source = self._latest if made_first else self._switched
        if source is None:
            return None, 0, False
        if made_first:
            return self._made[type_url], source.epoch, self.phase is Phase.SETTLED and not self._blind
        return source.snapshot[type_url], source.epoch, True

    def missing(self, type_url: TypeUrl, channels: Channels) -> frozenset[str]:
        """What the client rejected and has in no version, if a resource of this type might need it."""
        if type_url in MADE_FIRST:
            return frozenset()
        made = (channels[first] for first in MADE_FIRST if first in channels)
        return frozenset(name for channel in made for name in channel.quarantine.missing)

    def has_nothing_missing(self, channels: Channels) -> bool:
        """Whether `missing` is empty for every type, as far as can be told without much ado."""
        for first in MADE_FIRST:
            channel = channels.get(first)
            if channel is not None and not channel.quarantine.empty:
                return False
        return True

    def expect(self, references: Iterable[Reference], channels: Channels, deadline: float) -> None:
        """A listener was sent: the switch is over only when the client has what it newly refers to."""
        if self._switched is None:
            return
        snapshot = self._switched.snapshot
        known = (reference for reference in references if reference.name in snapshot[reference.type_url])
        awaited = {reference for reference in known if not _subscribed(reference, channels)}
        if awaited:
            self._awaited |= awaited
            self._awaited_until = deadline

    def resume(self, deadline: float) -> None:
        """The client brought clusters along from another stream, and so routes to them, for which it will ask soon."""
        self._awaited_types = frozenset({LISTENER, ROUTE})
        self._awaited_until = deadline

    @property
    def deadline(self) -> float | None:
        return self._awaited_until if self._awaited or self._awaited_types else None

    def expire(self, now: float) -> None:
        if self._awaited_until is not None and now >= self._awaited_until:
            self._awaited, self._awaited_types = _NOTHING, _NO_TYPES
            self._awaited_until = None

    def advance(self, channels: Channels) -> bool:
        """Move on if nothing is waited for any more; True if more is released now than before."""
        if self.phase is Phase.MAKING and self._is_made(channels):
            self._switch()
            return True
        if self.phase is Phase.SWITCHING and self._is_switched(channels):
            self._break(channels)
            self._move(Event.SWITCHED)
            return True
        keeps = self.phase is Phase.SETTLED and (self._blind or bool(self._kept))
        return keeps and self._is_switched(channels) and self._break(channels)

    def finished(self, channels: Channels) -> Snapshot | None:
        """The snapshot, if all of it is out and answered."""
        if self.phase is not Phase.SETTLED or self._latest is None:
            return None
        done = all(channel.current and not channel.postpones for channel in channels.values())
        return self._latest.snapshot if done else None

    def _is_made(self, channels: Channels) -> bool:
        epoch = self._candidate.epoch if self._candidate else 0
        made = (channels[first] for first in MADE_FIRST if first in channels)
        return all(channel.delivery.settled >= epoch for channel in made)

    def _switch(self) -> None:
        self._switched = self._candidate
        if self._candidate is self._latest:
            self._move(Event.MADE)
        self._candidate = self._latest

    def _is_switched(self, channels: Channels) -> bool:
        if self._awaited:
            missing = {reference for reference in self._awaited if not _subscribed(reference, channels)}
            self._awaited = frozenset(missing) if missing else _NOTHING
        if self._awaited_types:
            self._awaited_types = (self._awaited_types - channels.keys()) or _NO_TYPES
        if self._awaited or (self._awaited_types and self._would_remove(channels)):
            return False
        return all(channel.current for channel in channels.values())

    def _would_remove(self, channels: Channels) -> bool:
        """Whether there is anything to take away, here or brought along from another stream."""
        held = any(made is not self._newest.snapshot[type_url] for type_url, made in self._made.items())
        return held or any(channel.holds_back for channel in channels.values())

    def _break(self, channels: Channels) -> bool:
        """Take away what nothing needs; True if there was anything that had been kept until now."""
        before = (self._kept, self._blind)
        self._blind = any(channel.quarantine.blind for url, channel in channels.items() if url not in MADE_FIRST)
        self._kept = _needed(self._newest.snapshot, channels, self._blind)
        for type_url in MADE_FIRST:
            new = self._newest.snapshot[type_url]
            self._made[type_url] = self._shared.swap(new, self._kept.get(type_url, ()))
        return before != (self._kept, self._blind)

    @property
    def _newest(self) -> Numbered:
        assert self._latest is not None, "phases begin with a snapshot"  # noqa: S101 - an invariant of the table
        return self._latest

    def _hold(self, type_url: TypeUrl, channel: AnyChannel | None) -> None:
        """All that is new, and all that the client may have but for what it rejected."""
        new = self._newest.snapshot[type_url]
        self._made[type_url] = self._shared.union(new, channel.held()) if channel else new

    def _move(self, event: Event) -> None:
        self.phase = TRANSITIONS[self.phase][event]


def _subscribed(reference: Reference, channels: Channels) -> bool:
    channel = channels.get(reference.type_url)
    return channel is not None and channel.interest.covers(reference.name)


def _needed(snapshot: Snapshot, channels: Channels, everything: bool) -> Needed:
    """What the client has beyond the snapshot and a resource in an older version may need, directly or not.

    everything: because there is a resource of whose older version nothing is known.
    """
    users = [resource for channel in channels.values() for resource in channel.substitutes]
    if not users and not everything:
        return {}
    spare = {
        (url, each.name): each
        for url in MADE_FIRST
        if url in channels
        for each in channels[url].held()
        if each.name not in snapshot[url]
    }
    needed = list(spare.values()) if everything else []
    while users and not everything:
        found = [key for key in spare if any(mentions_any(user, (key[1],)) for user in users)]
        users = [spare.pop(key) for key in found]
        needed += users
    return {url: tuple((each.name, each) for each in needed if each.type_url == url) for url in MADE_FIRST if needed}
