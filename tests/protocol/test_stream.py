"""The stream machine where time, sharing and limits matter."""

from __future__ import annotations

import pytest

from tests.protocol.model import resource, snapshot
from xds.protocol import (
    Acked,
    DeltaRequest,
    Effect,
    ErrorDetail,
    Nacked,
    RemoteProtocolError,
    Send,
    Shared,
    SotwRequest,
    Stream,
    Variant,
)
from xds.protocol.delivery import TRANSITIONS, Event, State
from xds.protocol.stream import MAX_TYPES
from xds.resources import CLUSTER, ENDPOINT, TypeUrl


def sends(effects: list[Effect]) -> list[Send]:
    return [effect for effect in effects if isinstance(effect, Send)]


def test_every_state_can_be_left() -> None:
    assert set(TRANSITIONS) == set(State)
    for state, moves in TRANSITIONS.items():
        assert moves
        assert (Event.SEND in moves) is (state is not State.AWAITING)


def test_one_change_for_many_streams_is_put_together_once() -> None:
    shared = Shared()
    streams = [Stream(Variant.DELTA, shared, nonce_prefix=f"{number}-") for number in range(20)]
    before = snapshot(*(resource(ENDPOINT, str(number)) for number in range(50)))
    after = snapshot(*(resource(ENDPOINT, str(number), "2" if number == 7 else "1") for number in range(50)))
    for stream in streams:
        stream.receive_request(DeltaRequest(ENDPOINT, tuple(map(str, range(50)))), 0.0)
        (first,) = sends(stream.receive_snapshot(before, 0.0))
        stream.receive_request(DeltaRequest(ENDPOINT, nonce=first.nonce), 0.0)
    second = [send for stream in streams for send in sends(stream.receive_snapshot(after, 1.0))]
    assert len(second) == 20
    assert len({id(send.batch) for send in second}) == 1
    assert len({send.nonce for send in second}) == 20
    assert [each.name for each in second[0].batch.resources] == ["7"]


def test_an_overdue_response_holds_up_nothing_and_its_late_answer_counts() -> None:
    stream = Stream(Variant.SOTW, Shared(), patience=5.0)
    stream.receive_request(SotwRequest(ENDPOINT, ("e",)), 0.0)
    (first,) = sends(stream.receive_snapshot(snapshot(resource(ENDPOINT, "e", "1")), 0.0))
    assert stream.next_deadline == 5.0
    assert not sends(stream.receive_snapshot(snapshot(resource(ENDPOINT, "e", "2")), 1.0))
    assert not sends(stream.tick(4.9))
    (second,) = sends(stream.tick(5.0))
    assert stream.receive_request(SotwRequest(ENDPOINT, ("e",), nonce=first.nonce), 6.0) == []
    late = stream.receive_request(SotwRequest(ENDPOINT, ("e",), nonce=second.nonce), 20.0)
    assert Acked(ENDPOINT, second.nonce, second.batch.version) in late
    assert stream.next_deadline is None


def test_a_client_that_never_answers_is_sent_one_response_in_each_interval() -> None:
    stream = Stream(Variant.DELTA, Shared(), patience=5.0)
    stream.receive_request(DeltaRequest(CLUSTER), 0.0)
    count = 0
    for second in range(100):
        effects = stream.receive_snapshot(snapshot(resource(CLUSTER, "c", str(second))), float(second))
        count += len(sends(effects)) + len(sends(stream.tick(float(second))))
    assert count <= 100 / 5.0 + 1


def test_an_error_that_names_resources_is_about_them_alone() -> None:
    stream = Stream(Variant.DELTA, Shared())
    stream.receive_request(DeltaRequest(CLUSTER), 0.0)
    names = ("outbound|80||a.default", "outbound|80||a.default.svc", "b")
    (send,) = sends(stream.receive_snapshot(snapshot(*(resource(CLUSTER, name) for name in names)), 0.0))
    message = "Error adding/updating cluster(s) outbound|80||a.default.svc: no such filter"
    effects = stream.receive_request(DeltaRequest(CLUSTER, nonce=send.nonce, error=ErrorDetail(13, message)), 1.0)
    (nacked,) = (effect for effect in effects if isinstance(effect, Nacked))
    assert [each.name for each in nacked.suspects] == ["outbound|80||a.default.svc"]


def test_the_number_of_types_is_bounded() -> None:
    stream = Stream(Variant.DELTA, Shared())
    for number in range(MAX_TYPES):
        stream.receive_request(DeltaRequest(TypeUrl(f"t{number}")), 0.0)
    with pytest.raises(RemoteProtocolError, match="types"):
        stream.receive_request(DeltaRequest(TypeUrl("one more")), 0.0)


@pytest.mark.parametrize("variant", Variant)
@pytest.mark.parametrize("count", [1, 2, 300])
def test_a_client_that_rejects_every_change_is_soon_left_alone(variant: Variant, count: int) -> None:
    stream = Stream(variant, Shared())
    request = SotwRequest if variant is Variant.SOTW else DeltaRequest
    stream.receive_request(request(CLUSTER), 0.0)
    (send,) = sends(stream.receive_snapshot(snapshot(*(resource(CLUSTER, str(n)) for n in range(count))), 0.0))
    stream.receive_request(request(CLUSTER, nonce=send.nonce), 0.0)
    due = sends(stream.receive_snapshot(snapshot(*(resource(CLUSTER, str(n), "2") for n in range(count))), 0.0))
    rejected = 0
    while due:
        (send,) = due
        due = sends(stream.receive_request(request(CLUSTER, nonce=send.nonce, error=ErrorDetail(3, "no")), 0.0))
        rejected += 1
        assert rejected < 40
