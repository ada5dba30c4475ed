"""The steps of a rotation, by hand and by age."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ca.kit import NOW
from xds.ca.clock import Moment
from xds.ca.errors import RotationError
from xds.ca.slots import Slot, Slots, Step

LIFE = timedelta(days=100)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def due(slots: Slots, now: datetime) -> Step | None:
    return slots.due(Moment.at(now), root_life=LIFE, published=HOUR, longest=DAY)


def one() -> Slots:
    return Slots().prepare("a", NOW + LIFE, NOW)


def test_the_first_is_active_at_once() -> None:
    active = one().active
    assert active is not None
    assert (active.id, active.slot, active.since) == ("a", Slot.ACTIVE, NOW)


def test_a_rotation_by_hand() -> None:
    prepared = one().prepare("b", NOW + 2 * LIFE, NOW + DAY)
    assert [member.id for member in prepared.trusted] == ["a", "b"]
    assert prepared.active == one().active
    activated = prepared.activate(NOW + 2 * DAY)
    assert [(m.id, m.slot, m.since) for m in activated.trusted] == [
        ("b", Slot.ACTIVE, NOW + 2 * DAY),
        ("a", Slot.OLD, NOW + 2 * DAY),
    ]
    assert [m.tainted for m in activated.taint("a").old] == [True]
    assert [m.id for m in activated.revoke("a").trusted] == ["b"]


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (lambda s: s.activate(NOW), "no authority is prepared"),
        (lambda s: s.taint("a"), "only an old authority can be tainted, and a is not one; old are: none"),
        (lambda s: s.revoke("a"), "only an old authority can be revoked"),
        (lambda s: s.prepare("b", NOW, NOW).prepare("c", NOW, NOW), "b is prepared already"),
    ],
)
def test_what_is_not_possible_says_why(step: object, reason: str) -> None:
    assert callable(step)
    with pytest.raises(RotationError, match=reason):
        step(one())


def test_rotation_by_age() -> None:
    slots, late = one(), NOW + LIFE * 0.8
    assert due(slots, late - HOUR) is None
    assert due(slots, late) is Step.PREPARE
    slots = slots.prepare("b", late + LIFE, late)
    assert due(slots, late + HOUR / 2) is None
    assert due(slots, late + HOUR) is Step.ACTIVATE
    slots = slots.activate(late + HOUR)
    assert due(slots, late + HOUR + DAY) is None
    assert due(slots, late + HOUR + DAY + HOUR) is Step.REVOKE
    assert due(slots.revoke("a"), late + 2 * DAY) is None


@given(st.lists(st.sampled_from(["prepare", "activate", "taint", "revoke"]), max_size=30))
def test_whatever_is_done_one_signs_and_it_is_trusted(steps: list[str]) -> None:
    slots, now = one(), NOW
    for number, step in enumerate(steps):
        now += HOUR
        old = slots.old[0].id if slots.old else "none"
        try:
            slots = {
                "prepare": lambda s, n, o: s.prepare(f"r{number}", n + LIFE, n),  # noqa: B023 - called at once
                "activate": lambda s, n, o: s.activate(n),
                "taint": lambda s, n, o: s.taint(o),
                "revoke": lambda s, n, o: s.revoke(o),
            }[step](slots, now, old)
        except RotationError:
            continue
        assert slots.active is not None
        assert slots.trusted[0] is slots.active
        assert len({member.id for member in slots.members}) == len(slots.members)
