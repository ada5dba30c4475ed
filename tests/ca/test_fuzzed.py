"""Bytes of strangers, a fixed number of them: nothing crashes, and nothing that is malformed is accepted."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SEED = 1


@pytest.mark.skipif(find_spec("atheris") is None, reason="needs atheris, which has wheels for Linux on x86-64")
@pytest.mark.parametrize(("what", "runs"), [("requests", 50_000), ("tokens", 20_000)])
def test_nothing_crashes_and_nothing_malformed_is_accepted(tmp_path: Path, what: str, runs: int) -> None:
    command = [sys.executable, "-m", "tests.ca.fuzzing", what, str(runs), str(SEED), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Done {runs} runs" in done.stderr
