"""One type on one stream: what both variants of the protocol have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Generic, TypeVar

from xds.protocol.delivery import Delivery, Refusal
from xds.protocol.events import Acked, Effect, Nacked, Request, Send, Subscribed
from xds.protocol.framing import Batch
from xds.protocol.interest import Interest
from xds.protocol.shared import Shared
from xds.resources import EMPTY_SET, Resource, ResourceSet, TypeUrl

R = TypeVar("R", bound=Request)

Due = tuple[Batch, tuple[Resource, ...]]
"""A response that should be sent, and the resources in it that are news."""


class Channel(ABC, Generic[R]):
    """Subscription, state of the client, and the response in flight, of one type.

    The client's state is the set that it was last brought up to (``_base``), restricted to its interest; what it must
    be sent beyond the difference to that is in ``_forced``.
    """

    def __init__(self, type_url: TypeUrl, shared: Shared) -> None:
        self.type_url = type_url
        self.interest = Interest(type_url)
        self.delivery = Delivery()
        self._shared = shared
        self._target: ResourceSet | None = None
        self._epoch = 0
        self._may_remove = False
        self._base = EMPTY_SET
        self._before = EMPTY_SET
        self._forced: dict[str, None] = {}
        self._everything = False
        self._started = False

    @abstractmethod
    def receive(self, request: R, deadline: float) -> list[Effect]:
        """Take in a request. deadline: until when a refusal keeps others waiting."""

    @abstractmethod
    def _difference(self, target: ResourceSet) -> Due | None:
        """What brings the client from its state to ``target``. None: nothing to say."""

    def offer(self, target: ResourceSet | None, epoch: int, may_remove: bool) -> None:
        """What the client may know from now on; None: nothing yet.

        may_remove: whether it may be told to drop what it brought along from another stream.
        """
        self._target, self._epoch, self._may_remove = target, epoch, may_remove

    def force(self, name: str) -> None:
        """Send this again, changed or not, if the client subscribes to it."""
        if self.interest.covers(name):
            self._forced[name] = None

    def take(self) -> Due | None:
        """The next response, to be sent at once; None if there is none, or another one is in flight."""
        if self._target is None or not self._started or not self.delivery.free:
            return None
        due = self._difference(self._target)
        self._before, self._base = self._base, self._target
        self._forced.clear()
        self._everything = False
        if due is None and not self.delivery.unsettled:
            self.delivery.settled = self._epoch
        return due

    def sent(self, send: Send, deadline: float) -> None:
        """What `take` gave is on its way. deadline: until when an answer is waited for."""
        self.delivery.sent(send, self._before, self._epoch, deadline)

    def held(self) -> ResourceSet:
        """What the client has if it accepts what is in flight; of a type with names, so far as it asked for it."""
        refused = self.delivery.refused
        if not any(name in self._base for name in refused):
            return self._base
        return ResourceSet.of(kept for each in self._base if (kept := _kept(each, refused.get(each.name))))

    @property
    def current(self) -> bool:
        """Whether the client has accepted, or was given up for, all that it may know."""
        delivery = self.delivery
        return self._target is not None and delivery.settled >= self._epoch and not delivery.unsettled

    @property
    def holds_back(self) -> bool:
        """Whether there are removals that wait until nothing in force needs what they remove."""
        return False

    def refuses(self, resources: ResourceSet) -> bool:
        """Whether the client rejected, as it is, something that is in this set."""
        return any(
            (resource := resources.get(name)) is not None and resource.version == refusal.version
            for name, refusal in self.delivery.refused.items()
        )

    def _ask(self, names: Iterable[str], everything: bool) -> None:
        if self.delivery.forget(self.interest.covers):
            self._forced.update(self._take_lost())
        self._forced.update(dict.fromkeys(names))
        self._everything = self._everything or everything

    def _hear(self, request: R, deadline: float) -> list[Effect]:
        answer: Acked | Nacked | None = self.delivery.answered(request.nonce, request.error, deadline)
        return [answer] if answer else []

    def _interest_effect(self) -> Subscribed:
        return Subscribed(self.type_url, len(self.interest.names), self.interest.wildcard)

    def _extras(self, news: bool) -> Iterable[str]:
        """Names to be sent beyond the difference. What a rejected response carried goes along with the next news."""
        if not (news and self.delivery.lost):
            return self._forced
        return {**self._take_lost(), **self._forced}

    def _take_lost(self) -> dict[str, None]:
        lost, self.delivery.lost = self.delivery.lost, {}
        return lost


def _kept(resource: Resource, refusal: Refusal | None) -> Resource | None:
    return refusal.accepted if refusal and refusal.version == resource.version else resource
