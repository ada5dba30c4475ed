"""A real process, killed at any moment of issuing and of replacing roots: the next start has lost nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROUNDS = 200


def test_after_every_kill_there_is_what_was_done_and_no_serial_twice(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.ca.killing", str(tmp_path), str(ROUNDS), "20260301"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert sum(seen.values()) == ROUNDS
    assert len(seen) > 1  # at more than one thing
