"""Requests of which more is known than that they were answered."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field

from e2e.load import Traffic
from e2e.mtls.world import identities
from xds.app.demo.shop import Answer


@dataclass(frozen=True, slots=True)
class Seen:
    """By a server. sender: who has sent it, as proven by mutual TLS; empty without. step: of the configuration by which
    it was sent."""

    instance: str
    sender: str
    step: int


def seen_in(answer: Answer) -> Seen:
    """What an echo server tells."""
    received = json.loads(answer.body)
    headers = {name.lower(): value for name, value in received["headers"].items()}
    sender = identities(headers.get("x-forwarded-client-cert", ""))
    return Seen(received["instance"], sender, int(headers.get("x-step", "-1")))


@dataclass
class Watched(Traffic):
    """senders: all that servers have seen. live: when a step of the configuration was first answered by. lost: the
    answers to requests that were sent after that and knew nothing of it.
    """

    senders: set[str] = field(default_factory=set)
    live: dict[int, float] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)

    def record(self, answer: Answer) -> None:
        super().record(answer)
        if not answer.ok:
            return
        seen = seen_in(answer)
        self.senders.add(seen.sender)
        self.live.setdefault(seen.step, time.monotonic())
        newest = max(step for step, since in self.live.items() if since < answer.sent or step == seen.step)
        if seen.step < newest:
            self.lost.append(f"{answer.sent - self.began:.3f} s: step {seen.step} after {newest}")
