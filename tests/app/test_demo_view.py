"""What the demo shows: the window of traffic, the findings of the control plane, the table and the line."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from xds.app.demo.findings import Findings, parse
from xds.app.demo.plan import Component, Kind
from xds.app.demo.processes import Command
from xds.app.demo.progress import progress_on
from xds.app.demo.shop import Answer, Visitor
from xds.app.demo.table import Hints, State, line, render
from xds.app.demo.traffic import IN_FLIGHT, Row, Sample, Traffic, Window

HINTS = Hints("http://127.1.0.11:9080/productpage", Path("mesh/reviews.yaml"), Path("steps"), Path("/tmp/logs"))


def sample(at: float, version: str = "v1", error: str = "", user: str = "jason", seconds: float = 0.01) -> Sample:
    return Sample(at, user, "reviews", version, error, seconds)


def component(name: str, kind: Kind) -> Component:
    return Component(kind, Command(name, ("true",), Path("/")), "http://127.0.0.1:1/", ())


def state(*rows: Row, down: frozenset[str] = frozenset(), findings: Findings | None = None) -> State:
    components = (component("control plane", Kind.CONTROL_PLANE), component("envoy of a", Kind.PROXY))
    return State(75.0, rows, components, down, findings or Findings((), 1), HINTS)


def shown(state: State) -> str:
    console = Console(file=StringIO(), width=110, force_terminal=False)
    console.print(render(state))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_the_window_tells_shares_rate_errors_and_the_median() -> None:
    window = Window(seconds=4.0)
    for number in range(8):
        window.add(sample(10.0 + number / 10, version="v3" if number < 2 else "v1", seconds=number / 100))
    window.add(sample(11.0, version="", error="503 no healthy upstream", seconds=1.0))

    (row,) = window.rows(now=11.0)

    assert row.shares == (("v1", 0.75), ("v3", 0.25))
    assert (row.rate, row.error_rate, row.median_seconds) == (9 / 4, 1 / 9, 0.04)
    assert row.remark == "503 no healthy upstream"


def test_an_answer_with_something_missing_is_an_answer() -> None:
    window = Window(seconds=4.0)
    window.add(Sample(1.0, "jason", "reviews", "v2", "", 0.01, "no stars: 500"))

    (row,) = window.rows(now=1.0)

    assert (row.shares, row.error_rate, row.remark) == ((("v2", 1.0),), 0.0, "no stars: 500")


def test_samples_leave_the_window() -> None:
    window = Window(seconds=4.0)
    window.add(sample(10.0, "v1"))
    window.add(sample(13.0, "v2"))

    assert [row.shares for row in window.rows(now=14.5)] == [(("v2", 1.0),)]
    assert window.rows(now=20.0) == (Row("jason", "reviews", (), 0.0, 0.0, 0.0, "no answer for 4 s"),)


@given(st.lists(st.tuples(st.sampled_from(["v1", "v2", ""]), st.sampled_from(["a", "b"])), max_size=40))
def test_shares_add_up_and_every_sample_counts_once(samples: list[tuple[str, str]]) -> None:
    window = Window(seconds=10.0)
    for version, user in samples:
        window.add(sample(1.0, version, "" if version else "error", user))

    rows = window.rows(now=1.0)

    assert sum(row.rate * 10.0 for row in rows) == pytest.approx(len(samples))
    assert all(sum(share for _, share in row.shares) == pytest.approx(1.0) for row in rows if row.shares)


class CannedVisitor(Visitor):
    """Answers without a network, or never."""

    def __init__(self, user: str | None, hang_on: str = "") -> None:
        self.user = user
        self.asked: Counter[str] = Counter()
        self._hang_on = hang_on

    async def get(self, path: str) -> Answer:
        service = path.rpartition("/")[2]
        self.asked[service] += 1
        if service == self._hang_on:
            await asyncio.Event().wait()
        return Answer(200, '{"product": 0}', 0.0, 0.01)


async def run_for(traffic: Traffic, seconds: float) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(traffic.run(), seconds)


async def test_traffic_is_steady_and_shared_by_the_visitors() -> None:
    visitors = [CannedVisitor(None), CannedVisitor("jason")]
    window = Window(seconds=100.0)

    await run_for(Traffic(visitors, window, rate=200), 0.5)

    anonymous, jason = (visitor.asked.total() for visitor in visitors)
    assert 20 <= anonymous + jason <= 105
    assert abs(anonymous - jason) <= 1
    assert set(visitors[0].asked) == {"reviews", "ratings", "0"}


async def test_requests_that_wait_for_answers_are_not_piled_up_and_do_not_stop_the_others() -> None:
    waiting, other = CannedVisitor("jason", hang_on="ratings"), CannedVisitor(None)

    await run_for(Traffic([waiting, other], Window(), rate=1000), 0.5)

    assert waiting.asked["ratings"] == IN_FLIGHT
    assert waiting.asked["reviews"] > 3 * IN_FLIGHT
    assert other.asked["ratings"] > IN_FLIGHT


CONFIGZ = {
    "generation": 2,
    "diagnostics": [
        {
            "severity": "error",
            "code": "unknown-field",
            "file": "/mesh/virtual-service-reviews.yaml",
            "line": 10,
            "object": {"kind": "VirtualService", "namespace": "default", "name": "reviews"},
            "path": "spec.htpp",
            "reason": "unknown field",
        },
        {"severity": "error", "file": "/mesh/x.yaml", "line": 1, "object": None, "path": "", "reason": "no YAML"},
        {"severity": "info", "file": "/mesh/y.yaml", "line": 1, "object": None, "path": "", "reason": "ignored"},
    ],
}


def stream(proxy: str, rds: str, message: str | None = None) -> dict[str, object]:
    rejected = {"message": message} if message else None
    types = {"cds": {"state": "SYNCED", "rejected": None}, "rds": {"state": rds, "rejected": rejected}}
    return {"proxy": proxy, "types": types}


def test_errors_of_the_configuration_and_rejections_of_proxies_are_problems() -> None:
    syncz = [
        stream("a.default", "SYNCED"),
        stream("b.default", "ERROR", "no such filter"),
        stream("c.default", "STALE"),
    ]

    findings = parse(json.dumps(CONFIGZ).encode(), json.dumps(syncz).encode())

    assert findings.problems == (
        "virtual-service-reviews.yaml:10 VirtualService/reviews spec.htpp: unknown field",
        "x.yaml:1: no YAML",
        "b.default rejects rds: no such filter",
    )
    assert findings.in_sync == 1


ROW = Row("jason", "reviews", (("v1", 0.9), ("v3", 0.1)), 12.0, 0.0, 0.0123, "")


def test_the_table_shows_who_answered_and_what_to_do_next() -> None:
    text = shown(state(ROW))

    assert "up 1:15" in text
    assert "v1 ██████████████████    90%" in text
    assert "v3 ██                    10%" in text
    assert "12 ms" in text
    assert "Edit  mesh/reviews.yaml" in text
    assert "/tmp/logs" in text
    assert "Not in force" not in text


def test_the_table_shows_what_is_wrong() -> None:
    failing = Row("jason", "reviews", (), 12.0, 1.0, 3.0, "504 reviews [did] not answer")
    findings = Findings(("x.yaml:1: no [/] YAML",), 0)

    text = shown(state(failing, down=frozenset({"envoy of a"}), findings=findings))

    assert "504 reviews [did] not answer" in text
    assert "100%" in text
    assert "down: envoy of a" in text
    assert "x.yaml:1: no [/] YAML" in text


def test_the_line_has_it_all_too() -> None:
    failing = Row("anonymous", "details", (), 12.0, 0.5, 3.0, "503")
    findings = Findings(("x.yaml:1: no YAML",), 0)

    assert line(state(failing, ROW, down=frozenset({"envoy of a"}), findings=findings)) == (
        "1:15  24 req/s  25% errors  anonymous > details no answer; jason > reviews v1 90% v3 10%"
        "; down: envoy of a; not in force: x.yaml:1: no YAML"
    )
    assert line(state()).startswith("1:15  0 req/s  0% errors")


@pytest.mark.parametrize("terminal", [True, False])
def test_the_start_is_shown_with_the_time_that_each_component_took(terminal: bool) -> None:
    console = Console(file=StringIO(), force_terminal=terminal, width=60)
    with progress_on(console) as progress:
        progress.starting(component("envoy of a", Kind.PROXY))
        progress.ready(component("envoy of a", Kind.PROXY), 1.23)

    assert isinstance(console.file, StringIO)
    assert "envoy of a" in console.file.getvalue()
    assert "1.2 s" in console.file.getvalue()
