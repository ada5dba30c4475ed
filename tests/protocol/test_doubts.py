"""What is remembered of clients beyond a stream, and how much of it."""

from __future__ import annotations

from tests.protocol.model import resource
from xds.protocol import Doubts
from xds.protocol.doubts import MAX_CONTENTS
from xds.protocol.framing import DeltaBatch
from xds.resources import CLUSTER, ENDPOINT


def test_a_version_that_a_client_lists_is_not_doubtful() -> None:
    node = Doubts().of("n")
    node.add(CLUSTER, (("a", "1"), ("b", "")))
    assert node.names(CLUSTER, {"a": "1", "b": "1"}) == {"b"}
    assert node.names(CLUSTER, {"a": "0"}) == {"a", "b"}
    assert node.names(ENDPOINT, {}) == set()


def test_what_was_accepted_is_not_doubtful_any_more() -> None:
    doubts = Doubts()
    node = doubts.of("n")
    node.add(CLUSTER, (("a", ""), ("b", ""), ("c", "")))
    node.settle(CLUSTER, DeltaBatch(CLUSTER, (resource(CLUSTER, "a"),), ("b",)))
    assert node.names(CLUSTER, {}) == {"c"}
    node.settle(CLUSTER, DeltaBatch(CLUSTER, (resource(CLUSTER, "c"),)))
    assert len(doubts) == 0


def test_nodes_and_names_are_limited() -> None:
    doubts = Doubts(max_nodes=2)
    for node in ("1", "2", "3"):
        doubts.of(node).add(CLUSTER, tuple((str(number), "") for number in range(MAX_CONTENTS + 1)))
    assert len(doubts) == 2
    assert not doubts.of("1").names(CLUSTER, {})
    assert len(doubts.of("3").names(CLUSTER, {})) == MAX_CONTENTS
