"""What a client subscribes to: shared between streams, never changed under another's feet."""

from __future__ import annotations

from xds.protocol import Shared
from xds.protocol.interest import Interest
from xds.resources import CLUSTER, ENDPOINT


def test_streams_that_subscribe_the_same_hold_one_object() -> None:
    shared = Shared()
    first, second = Interest(ENDPOINT, shared.names), Interest(ENDPOINT, shared.names)
    first.begin(["a", "b"])
    second.begin(["a", "b"])
    assert first.names is second.names
    assert list(first.names) == ["a", "b"]


def test_a_change_concerns_only_the_stream_that_makes_it() -> None:
    shared = Shared()
    first, second = Interest(ENDPOINT, shared.names), Interest(ENDPOINT, shared.names)
    first.begin(["a", "b"])
    second.begin(["a", "b"])
    assert second.change(["c"], ["a"]).names == ("c",)
    assert (list(first.names), list(second.names)) == (["a", "b"], ["b", "c"])


def test_a_name_that_is_let_go_and_asked_for_in_one_request_is_asked_for() -> None:
    interest = Interest(CLUSTER)
    interest.begin(["a"])
    assert interest.change(["a"], ["a"]).names == ("a",)
    assert list(interest.names) == ["a"]


def test_a_name_that_the_wildcard_still_covers_is_answered_when_it_is_let_go() -> None:
    interest = Interest(CLUSTER)
    interest.begin(["*", "a"])
    assert interest.change([], ["a"]).names == ("a",)
    assert interest.wildcard_only
