"""When an Envoy that ended is started again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from xds.agent.envoy.restarts import FAILURES_AT_START, FIRST_SECONDS, MOST_SECONDS, STABLE_SECONDS, Ended, Restarts

AT_ONCE = Ended(0.1, served=False)
CRASHED = Ended(5, served=True)
STABLE = Ended(STABLE_SECONDS, served=True)


def after(*ended: Ended) -> Restarts:
    known = Restarts()
    for each in ended:
        known = known.after(each)
    return known


def test_each_time_takes_twice_as_long_up_to_a_limit() -> None:
    delays = [after(*[CRASHED] * count).delay for count in range(1, 9)]
    assert delays == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_stable_run_begins_anew() -> None:
    assert after(*[CRASHED] * 9, STABLE).delay == FIRST_SECONDS
    assert after(*[CRASHED] * 9, STABLE, CRASHED).delay == 2 * FIRST_SECONDS


def test_one_that_never_serves_is_given_up() -> None:
    assert not after(*[AT_ONCE] * (FAILURES_AT_START - 1)).hopeless
    assert after(*[AT_ONCE] * FAILURES_AT_START).hopeless


@given(st.lists(st.builds(Ended, st.floats(0, 1e6), st.booleans()), max_size=40))
def test_one_that_has_served_is_never_given_up(runs: list[Ended]) -> None:
    known = after(*runs)
    assert FIRST_SECONDS <= known.delay <= MOST_SECONDS
    assert not (known.hopeless and any(run.served for run in runs))
