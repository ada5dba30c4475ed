"""For a client that answers at once nothing expires that it should have, whatever changes and is rejected meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xds.protocol import (
    DeltaRequest,
    Effect,
    ErrorDetail,
    Request,
    Send,
    Shared,
    SotwRequest,
    Stream,
    Variant,
)
from xds.resources import CLUSTER, ENDPOINT, Resource, ResourceSet, Snapshot, TypeUrl

NAMES = ("a", "b")
TYPES = (CLUSTER, ENDPOINT)
TTLS = st.sampled_from((None, 1.0, 4.0))
CONTENT = st.sampled_from(("1", "2", "bad"))


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    def one(url: TypeUrl, name: str) -> Resource:
        seconds = draw(TTLS)
        ttl = None if seconds is None else timedelta(seconds=seconds)
        return Resource.of(url, name, draw(CONTENT).encode(), ttl=ttl)

    names = st.sets(st.sampled_from(NAMES))
    return Snapshot({url: ResourceSet.of(one(url, name) for name in draw(names)) for url in TYPES})


STEPS = st.lists(st.tuples(snapshots(), st.floats(0.0, 5.0)), min_size=1, max_size=8)


class PromptClient:
    """Answers every response when it gets it, and counts the time of what it has; rejects what is bad."""

    def __init__(self, variant: Variant) -> None:
        self.variant = variant
        self.machine = Stream(variant, Shared())
        self.now = 0.0
        self.has: dict[tuple[TypeUrl, str], tuple[Resource, float]] = {}
        self.responses = 0
        self.latest = Snapshot({})
        for url in TYPES:
            self._say(self._request(url, NAMES))

    def publish(self, snapshot: Snapshot) -> None:
        self.latest = snapshot
        if self.variant is Variant.SOTW:  # absence is not said of endpoints, and the server forgets what it was
            self.has = {
                key: value for key, value in self.has.items() if key[0] == CLUSTER or key[1] in snapshot[key[0]]
            }
        self._hear(self.machine.receive_snapshot(snapshot, self.now))

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while (deadline := self.machine.next_deadline) is not None and deadline <= end:
            assert deadline >= self.now, "a deadline that has passed stays"
            self.now = deadline
            self._check()
            self._hear(self.machine.tick(self.now))
        self.now = end
        self._check()

    def _check(self) -> None:
        for (url, name), (each, heard) in tuple(self.has.items()):
            if each.ttl is not None and heard + each.ttl.total_seconds() <= self.now:
                assert name not in self.latest[url], f"{name} has expired"
                del self.has[url, name]

    def _hear(self, effects: list[Effect]) -> None:
        for send in (effect for effect in effects if isinstance(effect, Send)):
            self.responses += 1
            bad = [each for each in send.batch.resources if each.body == b"bad"]
            if not bad:
                self._apply(send)
            self._say(self._request(send.type_url, (), send, ErrorDetail(3, f"{bad[0].name} is bad") if bad else None))

    def _apply(self, send: Send) -> None:
        url, batch = send.type_url, send.batch
        gone = set(batch.removed)
        if self.variant is Variant.SOTW and url == CLUSTER:
            gone = set(NAMES)
        self.has = {key: value for key, value in self.has.items() if not (key[0] == url and key[1] in gone)}
        self.has.update(((url, each.name), (each, self.now)) for each in batch.resources)
        for each in batch.heartbeats:
            assert self.has[url, each.name][0].version == each.version, "a heartbeat for what the client does not have"
            self.has[url, each.name] = (each, self.now)

    def _request(
        self, url: TypeUrl, names: tuple[str, ...], answers: Send | None = None, error: ErrorDetail | None = None
    ) -> Request:
        nonce = answers.nonce if answers else ""
        if self.variant is Variant.SOTW:
            return SotwRequest(url, NAMES, nonce=nonce, error=error)
        return DeltaRequest(url, names, nonce=nonce, error=error)

    def _say(self, request: Request) -> None:
        self._hear(self.machine.receive_request(request, self.now))


@pytest.mark.parametrize("variant", Variant)
@given(steps=STEPS)
def test_nothing_expires_and_nothing_is_said_too_often(variant: Variant, steps: list[tuple[Snapshot, float]]) -> None:
    client = PromptClient(variant)
    for snapshot, seconds in steps:
        client.publish(snapshot)
        before = client.responses
        client.wait(seconds)
        assert client.responses - before <= 10 + 2 * len(TYPES) * len(NAMES) * seconds / 0.4
