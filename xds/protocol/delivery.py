"""The response of one type that is in flight, and what became of it.

::

                 SEND                       ACK
        IDLE ------------->  AWAITING  ------------->  IDLE
                                |  |
                           NACK |  | TIMEOUT
                                v  v
        IDLE <--- REFUSED <--- NACK --- OVERDUE ---ACK---> IDLE
            TIMEOUT   \\___________________/
                       SEND: to AWAITING

At most one response of a type is in flight: while one is AWAITING its answer nothing else is sent, and what changes
meanwhile coalesces. Some responses are never answered (a client without watches says nothing to an empty response),
so an OVERDUE one holds up nothing. A REFUSED one is not repeated; other content may follow it, but whoever waits for
it to take effect waits until the time-out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from xds.protocol.events import Acked, ErrorDetail, Nacked, Send
from xds.resources import EMPTY_SET, Resource, ResourceSet


class State(Enum):
    """Where the last response stands."""

    IDLE = "idle"
    AWAITING = "awaiting"
    REFUSED = "refused"
    OVERDUE = "overdue"


class Event(Enum):
    """What moves it on."""

    SEND = "send"
    ACK = "ack"
    NACK = "nack"
    TIMEOUT = "timeout"


TRANSITIONS: Mapping[State, Mapping[Event, State]] = MappingProxyType(
    {
        State.IDLE: {Event.SEND: State.AWAITING},
        State.AWAITING: {Event.ACK: State.IDLE, Event.NACK: State.REFUSED, Event.TIMEOUT: State.OVERDUE},
        State.REFUSED: {Event.SEND: State.AWAITING, Event.TIMEOUT: State.IDLE},
        State.OVERDUE: {Event.SEND: State.AWAITING, Event.ACK: State.IDLE, Event.NACK: State.REFUSED},
    }
)


class Refusal(NamedTuple):
    """A resource that the client rejected. accepted: what it has instead under that name; None if nothing."""

    version: str
    accepted: Resource | None


class Delivery:
    """The last response of one type on one stream.

    epoch: of the state that it carries. settled: the newest epoch that the client has, or was given up for. refused:
    by name, what the client rejected and has not been sent anew since. lost: names that a rejected response carried or
    removed, which the client may not have taken in.
    """

    __slots__ = ("_before", "_send", "deadline", "epoch", "lost", "nonce", "refused", "settled", "state")

    def __init__(self) -> None:
        self.state = State.IDLE
        self.nonce = ""
        self.deadline: float | None = None
        self.epoch = 0
        self.settled = 0
        self.refused: dict[str, Refusal] = {}
        self.lost: dict[str, None] = {}
        self._send: Send | None = None
        self._before = EMPTY_SET

    @property
    def free(self) -> bool:
        """Whether another response may be sent now."""
        return self.state is not State.AWAITING

    @property
    def unsettled(self) -> bool:
        """Whether the last response is in question: neither accepted nor given up."""
        return self.state in (State.AWAITING, State.REFUSED)

    def sent(self, send: Send, before: ResourceSet, epoch: int, deadline: float) -> None:
        """A response goes out. before: what the client had been told until then."""
        self._move(Event.SEND)
        self._send, self._before = send, before
        self.nonce, self.epoch, self.deadline = send.nonce, epoch, deadline

    def answered(self, nonce: str, error: ErrorDetail | None, deadline: float) -> Acked | Nacked | None:
        """The client's answer; None if this is none, or one to a response that no longer matters.

        deadline: until when a refusal keeps others waiting.
        """
        event = Event.NACK if error else Event.ACK
        if not nonce or nonce != self.nonce or event not in TRANSITIONS[self.state]:
            return None
        send = self._send
        assert send is not None, "a response in flight is remembered"  # noqa: S101 - an invariant of the table
        self._move(event)
        if error is None:
            return self._accepted(send)
        self.deadline = deadline
        return self._rejected(send, error)

    def forget(self, covers: Callable[[str], bool]) -> bool:
        """The client is not interested in other names than these; True if it had refused one that it let go."""
        let_go = [name for name in self.refused if not covers(name)]
        for name in let_go:
            del self.refused[name]
        for name in [name for name in self.lost if not covers(name)]:
            del self.lost[name]
        return bool(let_go)

    def expire(self, now: float) -> None:
        """Give up waiting if it has taken too long."""
        if self.deadline is not None and now >= self.deadline:
            if self.state is State.AWAITING:
                self.settled = max(self.settled, self.epoch)
            self._move(Event.TIMEOUT)
            self.deadline = None

    def _accepted(self, send: Send) -> Acked:
        self._send, self._before, self.deadline = None, EMPTY_SET, None
        self.settled = max(self.settled, self.epoch)
        for resource in send.batch.resources:
            self.refused.pop(resource.name, None)
        for name in send.batch.removed:
            self.refused.pop(name, None)
        return Acked(send.type_url, send.nonce, send.batch.version)

    def _rejected(self, send: Send, error: ErrorDetail) -> Nacked:
        named = named_in(error.message, send.batch.resources)
        suspects = named or send.changed
        self.refused.update((each.name, self._refusal(each)) for each in suspects)
        self.lost.update((resource.name, None) for resource in send.changed if resource not in named)
        self.lost.update(dict.fromkeys(send.batch.removed))
        self._send, self._before = None, EMPTY_SET
        return Nacked(send.type_url, send.nonce, send.batch.version, error, suspects)

    def _refusal(self, resource: Resource) -> Refusal:
        earlier = self.refused.get(resource.name)
        return Refusal(resource.version, earlier.accepted if earlier else self._before.get(resource.name))

    def _move(self, event: Event) -> None:
        self.state = TRANSITIONS[self.state][event]


def named_in(message: str, resources: tuple[Resource, ...]) -> tuple[Resource, ...]:
    """The resources whose names stand in an error message as a word of their own."""
    return tuple(
        resource
        for resource in resources
        if resource.name in message and re.search(rf"(?<![\w.|-]){re.escape(resource.name)}(?![\w|-]|\.\w)", message)
    )
