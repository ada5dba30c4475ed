"""``pilothouse wait``: when it stops waiting, and what it says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from xds.app.cli.wait import Standing, failures, parse_timeout, success, until_decided

ACCEPTED: Standing = {
    "object": "VirtualService/reviews.default",
    "origin": "mesh/vs.yaml:1",
    "errors": [],
    "waitsFor": [],
    "acked": 2,
    "pending": [],
    "pendingCount": 0,
    "rejected": [],
}
PENDING: Standing = {**ACCEPTED, "pending": ["a.default", "b.default"], "pendingCount": 2}
BROKEN: Standing = {
    **PENDING,
    "errors": [{"file": "mesh/vs.yaml", "line": 7, "path": "spec.http", "reason": "is not a list"}],
}
WAITING: Standing = {
    **ACCEPTED,
    "waitsFor": [{"file": "mesh/vs.yaml", "line": 9, "path": "spec.http[0]", "reason": "there is no service"}],
}
REJECTED: Standing = {
    **ACCEPTED,
    "rejected": [
        {
            "proxy": "a.default",
            "type": "rds",
            "reason": "Duplicate domain\n",
            "resources": ["http_proxy"],
            "objects": [{"object": "VirtualService/reviews.default", "origin": "mesh/vs.yaml:1"}],
            "inPreflight": False,
        }
    ],
}


class Answers:
    """A control plane's answers, one after the other, and a clock that only sleeping moves."""

    def __init__(self, *answers: Standing) -> None:
        self.now = 0.0
        self.asked: list[str] = []
        self._answers: Iterator[Standing] = iter(answers)
        self._last = answers[-1]

    def ask(self, refresh: str) -> Standing:
        self.asked.append(refresh)
        return next(self._answers, self._last)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def decide(self, seconds: float = 30.0) -> Standing:
        return until_decided(self.ask, seconds, lambda: self.now, self.sleep)


def test_it_waits_while_answers_are_outstanding_and_has_files_read_once() -> None:
    answers = Answers(PENDING, PENDING, ACCEPTED)
    assert answers.decide() is ACCEPTED
    assert answers.asked == ["true", "false", "false"]


@pytest.mark.parametrize("standing", [ACCEPTED, REJECTED, BROKEN])
def test_it_does_not_wait_for_what_will_not_change(standing: Standing) -> None:
    answers = Answers(standing)
    assert answers.decide() is standing
    assert answers.now == 0.0


def test_it_waits_for_what_the_object_waits_for() -> None:
    assert Answers(WAITING, WAITING, PENDING, ACCEPTED).decide() is ACCEPTED


@pytest.mark.parametrize("standing", [PENDING, WAITING])
def test_it_gives_up_after_the_timeout(standing: Standing) -> None:
    answers = Answers(standing)
    assert answers.decide(2.0) is standing
    assert 2.0 <= answers.now < 2.1


def test_what_it_says() -> None:
    assert list(failures(ACCEPTED, "30s")) == []
    assert success(ACCEPTED) == "VirtualService/reviews.default (mesh/vs.yaml:1): accepted by 2 proxies"
    assert success({**ACCEPTED, "acked": 0}).endswith("no connected proxy is affected by its last change")
    gone: Standing = {**ACCEPTED, "origin": None}
    assert success(gone) == "VirtualService/reviews.default, which is gone: accepted by 2 proxies"
    assert list(failures(PENDING, "30s")) == [
        "VirtualService/reviews.default: after 30s, not accepted yet by a.default, b.default"
    ]
    assert next(failures({**PENDING, "pendingCount": 7}, "30s")).endswith("a.default, b.default and 5 more")
    assert list(failures(BROKEN, "30s")) == [
        "VirtualService/reviews.default is not in force as it is written:",
        "error  mesh/vs.yaml:7  spec.http: is not a list",
    ]
    assert list(failures(WAITING, "30s")) == [
        "VirtualService/reviews.default: after 30s, not in force yet as it is written:",
        "warning  mesh/vs.yaml:9  spec.http[0]: there is no service",
    ]
    assert list(failures(REJECTED, "30s")) == [
        "a.default rejected RDS http_proxy: Duplicate domain",
        "  from VirtualService/reviews.default mesh/vs.yaml:1",
    ]
    refused: Standing = {**REJECTED, "rejected": [{**REJECTED["rejected"][0], "inPreflight": True}]}
    assert next(failures(refused, "30s")) == (
        "a.default is not sent RDS http_proxy, which Envoy refused in preflight: Duplicate domain"
    )


def test_a_timeout_is_a_duration_as_istio_writes_it() -> None:
    assert parse_timeout("1m30s") == 90.0
    assert parse_timeout("0") == 0.0
    for wrong in ("30", "-1s", "soon"):
        with pytest.raises(ValueError, match=r"duration|negative"):
            parse_timeout(wrong)


def test_no_control_plane_is_one_line_and_exit_1() -> None:
    command = [sys.executable, "-m", "xds.app.cli", "wait", "--for", "vs/reviews", "--monitoring", "127.0.0.1:9"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert result.stderr == "pilothouse: no control plane answers on http://127.0.0.1:9: Connection refused\n"
