"""Nothing of a test's network is left, also of a run that is interrupted or killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from e2e.capture.namespaces import remove_leftovers
from e2e.capture.possible import need_namespaces
from examples.bookinfo.topology import REPOSITORY

_SECONDS = 30.0


def _left(pid: int) -> list[str]:
    """Namespaces of a run, and what programs in them were told."""
    places = (Path("/run/netns"), Path("/etc/netns"))
    return [str(path) for place in places for path in place.glob(f"pilothouse-{pid}-*")]


def _runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def _gone(sleeper: int) -> None:
    deadline = time.monotonic() + _SECONDS
    while _runs(sleeper):
        assert time.monotonic() < deadline, f"{sleeper} is still there"
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
async def test_nothing_is_left(end: signal.Signals, tmp_path: Path) -> None:
    need_namespaces()
    run = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "e2e.capture.held", str(tmp_path)),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert run.stdout is not None
    async with asyncio.timeout(_SECONDS):
        sleeper = int(await run.stdout.readline())
    assert len(_left(run.pid)) == 3

    os.kill(run.pid, end)
    async with asyncio.timeout(_SECONDS):
        await run.wait()
    if end is signal.SIGKILL:
        remove_leftovers()  # as the next run does first

    await _gone(sleeper)
    assert _left(run.pid) == []
