"""What was measured, as a table for people and as JSON to compare with later."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from bench.case import Case, Samples, Size

Stored = Mapping[tuple[str, str], float]
"""Medians of an earlier run, by case and figure."""


@dataclass(frozen=True, slots=True)
class Result:
    """One figure as measured. goal, met: None where there is no goal; it is met if the median is below it."""

    case: str
    name: str
    unit: str
    median: float
    min: float
    max: float
    samples: int
    goal: float | None
    met: bool | None


def results(case: Case, samples: Samples) -> Iterable[Result]:
    """The figures of a case, in its order. Raises KeyError if the case did not measure one."""
    for figure in case.figures:
        values = samples[figure.name]
        middle = _rounded(median(values))
        yield Result(
            case=case.name,
            name=figure.name,
            unit=figure.unit,
            median=middle,
            min=_rounded(min(values)),
            max=_rounded(max(values)),
            samples=len(values),
            goal=figure.goal,
            met=None if figure.goal is None else middle < figure.goal,
        )


def _rounded(value: float) -> float:
    return round(value, 3)


def show(measured: Iterable[Result], stored: Stored) -> None:
    """Print the table. stored: what to compare with, may be empty."""
    headings = ("case", "figure", "median", "min", "max", "unit", "goal", "")
    table = Table(
        *headings,
        *(("now / stored",) if stored else ()),
        caption="times: process CPU time, user and system; connected and last byte: the clock",
    )
    for result in measured:
        table.add_row(*_row(result), *((_ratio(result, stored),) if stored else ()))
    Console().print(table)


def _row(result: Result) -> tuple[str, ...]:
    numbers = (
        f"{value:,.4g}" if value < 1000 else f"{value:,.0f}" for value in (result.median, result.min, result.max)
    )
    goal = "" if result.goal is None else f"< {result.goal:g}"
    verdict = {None: "", True: "met", False: "MISSED"}[result.met]
    return (result.case, result.name, *numbers, result.unit, goal, verdict)


def _ratio(result: Result, stored: Stored) -> str:
    before = stored.get((result.case, result.name))
    return f"{result.median / before:.2f}" if before else "-"


def write(path: Path, size: Size, measured: Iterable[Result]) -> None:
    """Write the JSON file."""
    content = {
        "pilothouse": version("pilothouse"),
        "machine": {
            "python": platform.python_version(),
            "implementation": platform.python_implementation(),
            "architecture": platform.machine(),
            "cores": os.cpu_count(),
        },
        "time": "process CPU time, user and system; connected and the last byte: the clock",
        "size": asdict(size),
        "figures": [asdict(result) for result in measured],
    }
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def read(path: Path) -> Stored:
    """The medians of such a file."""
    content = json.loads(path.read_text("utf-8"))
    return {(figure["case"], figure["name"]): figure["median"] for figure in content["figures"]}
