"""One type on one stream: what both variants of the protocol have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from xds.protocol.delivery import Delivery, Sent
from xds.protocol.events import Acked, Effect, ErrorDetail, Nacked, Quarantined, Request, Send, Subscribed
from xds.protocol.framing import Batch
from xds.protocol.interest import Interest
from xds.protocol.leases import Leases
from xds.protocol.mentions import mentions_any
from xds.protocol.quarantine import Quarantine
from xds.protocol.shared import Shared, Swaps
from xds.resources import EMPTY_SET, Resource, ResourceSet, TypeUrl
from xds.resources.types import EXTENSION_CONFIG

R = TypeVar("R", bound=Request)

SENT_ALONE_TYPES = frozenset({EXTENSION_CONFIG})
"""Types of which a response carries one resource. Envoy does not say which one it rejects, and accepts in silence what
it rejected if it is sent that again, so that trying out several by turns would tell nothing."""

Due = tuple[Batch, tuple[Resource, ...]]
"""A response that should be sent, and the resources in it that are news."""


class Channel(ABC, Generic[R]):
    """Subscription, state of the client, and the response in flight, of one type.

    The client's state is the set that it was last brought up to (``_base``), restricted to its interest; what it must
    be sent beyond the difference to that is in ``_forced``. ``_new_names``: what it asked for since the last response,
    and was therefore not told before, whatever the set says. ``_left``: how many more responses what is due needs.
    ``_postponed``: what it keeps in an older version, because
    the new one needs what it rejected.
    """

    __slots__ = (
        "_asked",
        "_base",
        "_before",
        "_epoch",
        "_everything",
        "_forced",
        "_left",
        "_may_remove",
        "_new_names",
        "_postponed",
        "_reported",
        "_shared",
        "_started",
        "_target",
        "delivery",
        "interest",
        "leases",
        "quarantine",
        "type_url",
    )

    def __init__(self, type_url: TypeUrl, shared: Shared, quarantine: Quarantine) -> None:
        self.type_url = type_url
        self.interest = Interest(type_url, shared.names)
        self.delivery = Delivery()
        self.quarantine = quarantine
        self.leases = Leases()
        self._shared = shared
        self._target: ResourceSet | None = None
        self._epoch = 0
        self._may_remove = False
        self._base = EMPTY_SET
        self._before = EMPTY_SET
        self._forced: dict[str, None] = {}
        self._new_names: dict[str, None] = {}
        self._asked: tuple[str, ...] = ()
        self._everything = False
        self._left = 0
        self._started = False
        self._postponed: Swaps = ()
        self._reported: tuple[str, ...] = ()

    @abstractmethod
    def receive(self, request: R, until: float) -> list[Effect]:
        """Take in a request. until: how long what needs a resource that this rejects is held back."""

    @property
    @abstractmethod
    def _has_more_to_say(self) -> bool:
        """Whether a client whose state is what it may know may have to be sent something all the same."""

    @abstractmethod
    def _difference(self, target: ResourceSet) -> Due | None:
        """What brings the client from its state to ``target``. None: nothing to say."""

    @abstractmethod
    def _is_blind(self, name: str) -> bool:
        """Whether the client may have a version of this that it brought along and nobody here knows."""

    @abstractmethod
    def _gone(self, sent: Sent) -> Sequence[str]:
        """What this response tells the client to drop."""

    @abstractmethod
    def _doubt(self, names: Sequence[str]) -> None:
        """The client may have these, in whatever version, although it rejected a response with them."""

    @abstractmethod
    def _has_accepted(self, send: Send) -> None:
        """The client accepted a response."""

    def offer(self, target: ResourceSet | None, epoch: int, may_remove: bool, missing: frozenset[str]) -> None:
        """What the client may know from now on; None: nothing yet.

        may_remove: whether it may be told to drop what it brought along from another stream. missing: names of other
        types that it rejected and has in no version.
        """
        self._epoch, self._may_remove = epoch, may_remove
        self._target = None if target is None else self._as_it_can_be_taken(target, missing)

    def rests(self, target: ResourceSet | None, epoch: int, may_remove: bool) -> bool:
        """Takes the offer if it is plain that there is nothing to say to it, which is so nearly always; False if not.

        It does what `offer` and `take` do where the client has all that it may know, and has rejected nothing.
        """
        if target is not self._base or not self._started or self._has_more_to_say or not self.quarantine.empty:
            return False
        if self._new_names or self.leases.due:
            return False
        self._target, self._epoch, self._may_remove, self._postponed = target, epoch, may_remove, ()
        if self.delivery.free:
            self.delivery.settled = epoch
        return True

    def force(self, name: str) -> None:
        """Send this again, changed or not, if the client subscribes to it."""
        if self.interest.covers(name):
            self._forced[name] = None

    def take(self) -> Due | None:
        """The next response, to be sent at once; None if there is none, or another one is in flight."""
        if self._target is None or not self._started or not self.delivery.free:
            return None
        if self.interest.globs:
            self._expand_globs(self._target)
        due, left = self._alone(self._difference(self._target))
        self._before, self._base = self._base, self._without(self._target, left) if left else self._target
        self._asked = self._take_new_names(left) if self._new_names else ()
        self._forced.clear()
        self._forced.update(dict.fromkeys(left))
        self._left = len(left)
        self._everything = False
        if due is None:
            self.delivery.settled = self._epoch
        return due

    def sent(self, send: Send, now: float, deadline: float) -> None:
        """What `take` gave is on its way. deadline: until when an answer is waited for."""
        epoch = self._epoch - 1 if self._left else self._epoch
        self.delivery.send(Sent(send, self._before, epoch, self._asked), deadline)
        self.leases.sent(send.batch, now)

    def held(self) -> ResourceSet:
        """What the client has if it accepts what is in flight; of a type with names, so far as it asked for it."""
        return self._base

    @property
    def current(self) -> bool:
        """Whether the client has accepted, or was given up for, all that it may know."""
        return self._target is not None and self.delivery.settled >= self._epoch and self.delivery.free

    @property
    def postpones(self) -> bool:
        """Whether something is held back because it needs what the client rejected."""
        return bool(self._postponed)

    @property
    def substitutes(self) -> Iterator[Resource]:
        """What the client keeps in an older version than it should have."""
        yield from self.quarantine.substitutes
        yield from (old for _, old in self._postponed if old)

    @property
    def holds_back(self) -> bool:
        """Whether there are removals that wait until nothing in force needs what they remove."""
        return False

    def take_quarantined(self) -> Quarantined | None:
        """What is in quarantine now, if that is news."""
        names = tuple(self.quarantine.in_force) if self.quarantine.in_force else ()
        if names == self._reported:
            return None
        self._reported = names
        return Quarantined(self.type_url, names)

    def _expand_globs(self, target: ResourceSet) -> None:
        """Put what is in a collection in place of its name; one without resources is a name that does not exist."""
        for glob in self.interest.globs & self._forced.keys():
            members = target.collections.get(glob, ())
            self._forced.update((member.name, None) for member in members)
            if members:
                del self._forced[glob]

    def _alone(self, due: Due | None) -> tuple[Due | None, tuple[str, ...]]:
        """What can be sent now of what is due, and the names of the rest."""
        if due is None or self.type_url not in SENT_ALONE_TYPES or len(due[0].resources) < 2:
            return due, ()
        batch, changed = due
        first, *rest = batch.resources
        alone = self._shared.part(type(batch), self.type_url, (first,), batch.removed, batch.heartbeats)
        return (alone, tuple(each for each in changed if each is first)), tuple(each.name for each in rest)

    def _without(self, target: ResourceSet, names: tuple[str, ...]) -> ResourceSet:
        """The target, with these as the client was told of them last."""
        return self._shared.swap(target, tuple((name, self._base.get(name)) for name in names))

    def _take_new_names(self, left: tuple[str, ...]) -> tuple[str, ...]:
        later = [name for name in left if name in self._new_names]
        names = tuple(name for name in self._new_names if name in self._before and name not in later)
        self._new_names.clear()
        self._new_names.update(dict.fromkeys(later))
        return names

    def _as_it_can_be_taken(self, target: ResourceSet, missing: frozenset[str]) -> ResourceSet:
        if self.delivery.free:
            self.quarantine.try_again()
        target = self.quarantine.filter(target, self._shared)
        self._postponed = tuple(self._dependents(target, missing)) if missing else ()
        return self._shared.swap(target, self._postponed)

    def _dependents(self, target: ResourceSet, missing: frozenset[str]) -> Iterator[tuple[str, Resource]]:
        """What needs something that is missing, where the client has an older version that does not."""
        for resource in self._shared.diff(target, self._base).changed:
            old = self._base.get(resource.name)
            if old is not None and self.interest.covers(old.name) and mentions_any(resource, missing):
                yield old.name, old

    def _renewed(self, target: ResourceSet) -> tuple[Resource, ...]:
        """What the client must hear of again, although it has not changed."""
        found = (target.get(name) for name in self.leases.take_due() if self.interest.covers(name))
        return tuple(each for each in found if each is not None and each.ttl is not None)

    def _ask(self, names: Iterable[str], everything: bool) -> None:
        self.quarantine.forget(self.interest.covers)
        self._forced.update(dict.fromkeys(names))
        self._everything = self._everything or everything

    def _hear(self, request: R, until: float) -> list[Effect]:
        sent = self.delivery.answered(request.nonce, request.error is not None)
        if sent is None:
            return []
        if request.error is not None:
            return [self._rejected(sent, request.error, until)]
        self.quarantine.accept(sent.send)
        self._has_accepted(sent.send)
        return [Acked(self.type_url, request.nonce, sent.send.batch.version)]

    def _rejected(self, sent: Sent, error: ErrorDetail, until: float) -> Nacked:
        """Send again what was not rejected, as the client may not have taken it in.

        Envoy goes on with what it had of an extension's configuration, but takes the rejected one for that of listeners
        to come, and so rejects these, until it is sent another.
        """
        send = sent.send
        before = self._shared.swap(sent.before, tuple((name, None) for name in sent.asked))
        verdict = self.quarantine.reject(send, error.message, before, self._is_blind, until)
        self.leases.renew(each.accepted for each in verdict.fresh.values() if each.accepted)
        if verdict.fresh and not any(map(self.quarantine.keeps, verdict.fresh.values())):
            gone = self._gone(sent)
            self._base = self._shared.swap(before, tuple((name, None) for name in gone))
            again = [each.name for each in send.changed if each.name not in verdict.fresh]
            unsure = not verdict.certain or self.type_url == EXTENSION_CONFIG
            doubtful = {name: each for name, each in verdict.fresh.items() if each.blind or unsure}
            self._forced.update(dict.fromkeys((*again, *(name for name, each in doubtful.items() if each.replaces))))
            self._doubt([*again, *doubtful, *gone])
        return Nacked(self.type_url, send.nonce, send.batch.version, error, verdict.suspects)

    def _interest_effect(self) -> Subscribed:
        return Subscribed(self.type_url, len(self.interest.names), self.interest.wildcard)
