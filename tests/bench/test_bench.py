"""The harness on a tiny mesh: every case measures every figure that it promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import report
from bench.case import Case, Size
from bench.cases import CASES

TINY = Size(services=20, endpoints=3, processes=1, changes=10, streams=10)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_measures_its_figures(case: Case) -> None:
    samples = case.measure(TINY)
    measured = list(report.results(case, samples))
    assert [result.name for result in measured] == [figure.name for figure in case.figures]
    assert all(result.min <= result.median <= result.max for result in measured)


def test_the_report_can_be_compared_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = report.Result("case", "figure", "ms", median=2.0, min=1.0, max=3.0, samples=3, goal=2.5, met=True)
    path = tmp_path / "bench.json"
    report.write(path, TINY, (result,))
    assert json.loads(path.read_text())["figures"][0]["met"] is True
    stored = report.read(path)
    assert stored == {("case", "figure"): 2.0}
    report.show((result,), stored)
    assert "1.00" in capsys.readouterr().out
