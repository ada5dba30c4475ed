"""Leading edge, gathered bursts, bounded waiting."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from xds.app.debounce import Debounce

DEBOUNCE = Debounce(quiet=0.05, max_delay=0.5)


def test_the_first_change_after_quiet_is_due_at_once() -> None:
    assert DEBOUNCE.due(first=10.0, last=10.0, acted=None) == 10.0
    assert DEBOUNCE.due(first=10.0, last=10.0, acted=9.9) == 10.0


def test_a_change_soon_after_acting_waits_for_the_burst_to_end() -> None:
    assert DEBOUNCE.due(first=10.01, last=10.01, acted=10.0) == 10.06
    assert DEBOUNCE.due(first=10.01, last=10.03, acted=10.0) == 10.03 + 0.05


def test_a_burst_that_does_not_end_is_cut() -> None:
    assert DEBOUNCE.due(first=10.01, last=10.6, acted=10.0) == 10.51


@given(st.floats(0, 100), st.floats(0, 1), st.floats(0, 10))
def test_nothing_waits_longer_than_the_bound(first: float, burst: float, since: float) -> None:
    due = DEBOUNCE.due(first, first + burst, first - since)
    assert first <= due <= first + DEBOUNCE.max_delay
