"""Runs a case in fresh processes, each of which prints its samples."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict

from bench.case import Case, Samples, Size
from bench.cases import CASES
from xds.app import garbage

WORKER = "--worker"


def run(case: Case, size: Size) -> Samples:
    """The samples of a case, from as many processes as it needs. Raises CalledProcessError if one fails."""
    processes = size.processes if case.cold else 1
    samples: dict[str, list[float]] = {}
    for _ in range(processes):
        for name, values in _in_fresh_process(case, size).items():
            samples.setdefault(name, []).extend(values)
    return samples


def _in_fresh_process(case: Case, size: Size) -> Samples:
    command = [sys.executable, "-m", "bench", WORKER, case.name, json.dumps(asdict(size))]
    finished = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603  # our own module
    samples: Samples = json.loads(finished.stdout)
    return samples


def work(arguments: Sequence[str]) -> None:
    """What such a process does: measure one case and print the samples as JSON. It collects garbage as `serve` does."""
    name, size = arguments
    garbage.look_less_often()
    case = next(case for case in CASES if case.name == name)
    print(json.dumps(case.measure(Size(**json.loads(size)))))
