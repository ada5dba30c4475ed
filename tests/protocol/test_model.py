"""Random conversations with a model client: it always converges, and nothing is said twice without cause."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.protocol.model import Client, DeltaClient, SotwClient, resource, snapshot
from xds.protocol import Shared
from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, Reference, Snapshot, TypeUrl

NAMES = ("a", "b", "c")
CLUSTERS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(("1", "2", "bad")), min_size=1)
CONTENTS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(("1", "2", "bad")))
SUBSET = st.sets(st.sampled_from((*NAMES, "never")))


@st.composite
def snapshots(draw: st.DrawFn, sound: bool = False) -> Snapshot:
    """Every route leads to a cluster of the same snapshot: its content is ``cluster|something``."""
    clusters = draw(CLUSTERS)
    targets = st.sampled_from(sorted(clusters))
    routes = {name: f"\x01{draw(targets)}|{content}" for name, content in draw(CONTENTS).items()}
    contents = {CLUSTER: clusters, ENDPOINT: draw(CONTENTS), LISTENER: draw(CONTENTS), ROUTE: routes}
    if sound:
        contents = {url: {k: v.replace("bad", "good") for k, v in each.items()} for url, each in contents.items()}
    children: dict[TypeUrl, TypeUrl] = {CLUSTER: ENDPOINT, LISTENER: ROUTE}
    return snapshot(
        *(
            resource(url, name, content, (Reference(children[url], name),) if url in children else ())
            for url, each in contents.items()
            for name, content in each.items()
        )
    )


class Conversation(RuleBasedStateMachine):
    """Any order of events that a network and a client can bring about."""

    kind: type[Client]

    @initialize(first=snapshots(sound=True), tells_names=st.booleans(), applies_rest=st.booleans())
    def begin(self, first: Snapshot, tells_names: bool, applies_rest: bool) -> None:
        self.client = self.kind(Shared(capacity=8))
        self.client.tells_names, self.client.applies_rest = tells_names, applies_rest
        self.client.publish(first)

    @rule(new=snapshots())
    def publish(self, new: Snapshot) -> None:
        self.client.publish(new)

    @rule(url=st.sampled_from((ENDPOINT, ROUTE)), names=SUBSET)
    def subscribe(self, url: TypeUrl, names: set[str]) -> None:
        self.client.set_names(url, names)

    @rule()
    def listen(self) -> None:
        self.client.ask_wildcard(LISTENER)

    @rule()
    def server_reads(self) -> None:
        self.client.server_reads()

    @rule()
    def client_reads(self) -> None:
        self.client.client_reads()

    @rule()
    def drain(self) -> None:
        self.client.drain()

    @rule()
    def reconnect(self) -> None:
        self.client.connect()

    @rule(new=snapshots())
    def reconnect_after_a_change(self, new: Snapshot) -> None:
        self.client.latest = new
        self.client.connect()

    @rule(final=snapshots(sound=True), seconds=st.sampled_from((0.0, 5.0)))
    def converge(self, final: Snapshot, seconds: float) -> None:
        client = self.client
        client.tick(seconds)
        client.publish(final)
        client.drain()
        for _ in range(2):  # at most two waits in a row: for what was rejected, then for routes nobody asks for
            client.tick(100.0)
            client.drain()
        client.check_converged()
        assert client.settled is final
        self.nothing_is_left_to_say(final)

    @rule(first=snapshots(sound=True), second=snapshots())
    def quarantine(self, first: Snapshot, second: Snapshot) -> None:
        """What is sound goes through at once, whatever is rejected beside it."""
        self.converge(first, 0.0)
        client = self.client
        before = {url: dict(have) for url, have in client.have.items()}
        client.publish(second)
        client.drain()
        client.check_quarantine(first, before)
        for _ in range(2):
            client.tick(100.0)
            client.drain()
        client.check_removals()
        assert client.settled is second
        self.nothing_is_left_to_say(second)

    def nothing_is_left_to_say(self, final: Snapshot) -> None:
        self.client.tick(100.0)
        same = snapshot(*(each for url in final for each in final[url]))
        self.client.publish(same)
        assert self.client.drain() == 0
        assert self.client.machine.next_deadline is None


@pytest.mark.parametrize("client", [SotwClient, DeltaClient])
def test_any_conversation_converges(client: type[Client]) -> None:
    class Case(Conversation):
        kind = client

    run_state_machine_as_test(Case, settings=settings(max_examples=60, stateful_step_count=30, deadline=None))
