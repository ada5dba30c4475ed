"""One type on one stream: what both variants of the protocol have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Generic, TypeVar

from xds.protocol.delivery import Delivery
from xds.protocol.events import Acked, Effect, Nacked, Request, Subscribed
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
        self._base = EMPTY_SET
        self._forced: dict[str, None] = {}
        self._everything = False
        self._started = False

    @abstractmethod
    def receive(self, request: R, deadline: float) -> list[Effect]:
        """Take in a request. deadline: until when a refusal keeps others waiting."""

    @abstractmethod
    def _difference(self, target: ResourceSet) -> Due | None:
        """What brings the client from its state to ``target``. None: nothing to say."""

    def offer(self, target: ResourceSet | None, epoch: int) -> None:
        """What the client may know from now on; None: nothing yet."""
        self._target, self._epoch = target, epoch

    def force(self, name: str) -> None:
        """Send this again, changed or not, if the client subscribes to it."""
        if self.interest.covers(name):
            self._forced[name] = None

    def take(self) -> Due | None:
        """The next response, to be sent at once; None if there is none, or another one is in flight."""
        if self._target is None or not self._started or not self.delivery.free:
            return None
        due = self._difference(self._target)
        self._base = self._target
        self._forced.clear()
        self._everything = False
        if due is None and not self.delivery.unsettled:
            self.delivery.settled = self._epoch
        return due

    @property
    def current(self) -> bool:
        """Whether the client has accepted, or was given up for, all that it may know."""
        delivery = self.delivery
        return self._target is not None and delivery.settled >= self._epoch and not delivery.unsettled

    def refuses(self, resources: ResourceSet) -> bool:
        """Whether the client rejected, as it is, something that is in this set."""
        return any(
            (resource := resources.get(name)) is not None and resource.version == version
            for name, version in self.delivery.refused.items()
        )

    def _ask(self, names: Iterable[str], everything: bool) -> None:
        self.delivery.forget(self.interest.covers)
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
        lost, self.delivery.lost = self.delivery.lost, {}
        return {**lost, **self._forced}
