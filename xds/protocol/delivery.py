"""The response of one type that is in flight, and what became of it.

::

                 SEND                    ACK, NACK
        IDLE ------------->  AWAITING  ------------->  IDLE
                              ^    |
                         SEND |    | TIMEOUT
                              |    v
                              OVERDUE  ---ACK, NACK--->  IDLE

At most one response of a type is in flight: while one is AWAITING its answer nothing else is sent, and what changes
meanwhile coalesces. Some responses are never answered (a client without watches says nothing to an empty response),
so an OVERDUE one holds up nothing. What a rejection leads to is the business of `quarantine`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from xds.protocol.events import Send
from xds.resources import ResourceSet


class State(Enum):
    """Where the last response stands."""

    IDLE = "idle"
    AWAITING = "awaiting"
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
        State.AWAITING: {Event.ACK: State.IDLE, Event.NACK: State.IDLE, Event.TIMEOUT: State.OVERDUE},
        State.OVERDUE: {Event.SEND: State.AWAITING, Event.ACK: State.IDLE, Event.NACK: State.IDLE},
    }
)


class Sent(NamedTuple):
    """A response in flight. before: what the client had been told until then. epoch: of the state that it carries.

    asked: the names in ``before`` that it was not told, as it had not asked for them until then.
    """

    send: Send
    before: ResourceSet
    epoch: int
    asked: tuple[str, ...]


class Delivery:
    """The last response of one type on one stream.

    settled: the newest epoch that the client has, or was given up for.
    """

    __slots__ = ("_sent", "deadline", "nonce", "settled", "state")

    def __init__(self) -> None:
        self.state = State.IDLE
        self.nonce = ""
        self.deadline: float | None = None
        self.settled = 0
        self._sent: Sent | None = None

    @property
    def free(self) -> bool:
        """Whether another response may be sent now."""
        return self.state is not State.AWAITING

    def send(self, sent: Sent, deadline: float) -> None:
        """A response goes out. deadline: until when an answer is waited for."""
        self._move(Event.SEND)
        self._sent, self.nonce, self.deadline = sent, sent.send.nonce, deadline

    def answered(self, nonce: str, rejected: bool) -> Sent | None:
        """The response that this answers; None if it answers none, or one that no longer matters."""
        event = Event.NACK if rejected else Event.ACK
        if not nonce or nonce != self.nonce or event not in TRANSITIONS[self.state]:
            return None
        sent = self._sent
        assert sent is not None, "a response in flight is remembered"  # noqa: S101 - an invariant of the table
        self._move(event)
        self._sent, self.deadline = None, None
        if not rejected:
            self.settled = max(self.settled, sent.epoch)
        return sent

    @property
    def unanswered(self) -> Send | None:
        """The last response, if the client has not answered it."""
        return self._sent.send if self._sent else None

    def expire(self, now: float) -> None:
        """Give up waiting if it has taken too long."""
        if self.deadline is not None and now >= self.deadline:
            self._move(Event.TIMEOUT)
            self.deadline = None
            if self._sent is not None:
                self.settled = max(self.settled, self._sent.epoch)

    def _move(self, event: Event) -> None:
        self.state = TRANSITIONS[self.state][event]
