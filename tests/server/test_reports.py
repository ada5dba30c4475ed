"""What is said once: by source and thing, for a period, in bounded memory."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from xds.server.reports import PERIOD, Once, Reports, host, shortened


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_thing_is_said_once_in_a_period_and_then_with_what_was_left_out(clock: Clock) -> None:
    once = Once(clock)
    assert [once.allows("a", "x") for _ in range(5)] == [0, None, None, None, None]
    clock.now += PERIOD
    assert [once.allows("a", "x") for _ in range(2)] == [4, None]


def test_sources_and_things_are_told_apart(clock: Clock) -> None:
    once = Once(clock)
    assert [once.allows(*each) for each in (("a", "x"), ("a", "y"), ("b", "x"), ("a", "x"))] == [0, 0, 0, None]


def test_a_source_that_makes_things_up_is_heard_about_few(clock: Clock) -> None:
    once = Once(clock)
    assert 0 < sum(once.allows("a", number) is not None for number in range(10_000)) < 100
    assert once.allows("b", "x") == 0


def test_only_so_many_sources_are_remembered_and_the_busy_ones_longest(clock: Clock) -> None:
    once = Once(clock)
    once.allows("quiet", "x")
    for number in range(5_000):
        once.allows("busy", "x")
        once.allows(str(number), "x")
    assert once.allows("busy", "x") is None
    assert once.allows("quiet", "x") == 0


@pytest.mark.parametrize(
    ("peer", "expected"),
    [("ipv4:127.0.0.1:4711", "ipv4:127.0.0.1"), ("ipv6:%5B::1%5D:4711", "ipv6:%5B::1%5D"), ("nobody", "nobody")],
)
def test_a_host_is_the_same_after_a_reconnect(peer: str, expected: str) -> None:
    assert host(peer) == expected


def test_texts_of_clients_are_cut() -> None:
    assert shortened("short") == "short"
    assert len(shortened("x" * 1_000_000)) < 2000


def test_a_defect_is_told_once_and_whole(clock: Clock) -> None:
    reports = Reports(Once(clock), lambda key: None)
    with capture_logs() as logs:
        for port in range(3):
            reports.failed(f"ipv4:127.0.0.1:{port}", "StreamClusters", ZeroDivisionError("division by zero"))
    (log,) = logs
    assert isinstance(log["exc_info"], ZeroDivisionError)
