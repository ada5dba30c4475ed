"""Nothing is left of a run of tests, whatever kind of mesh it has made and however it ends."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from e2e.capture.possible import missing, need_namespaces
from e2e.leftovers.machine import maps_shared_memory, state
from e2e.leftovers.processes import marked
from e2e.leftovers.run import running
from e2e.leftovers.untidy import clock_of_nobody

AGENTS, CAPTURED, NETWORK = "e2e/agent/test_secrets.py", "e2e/capture/test_tcp.py", "e2e/bookinfo_captured"
"""Suites, by what their meshes are made of: agents with Envoys on loopback; captured traffic in namespaces; and both,
with a namespace, an agent and an Envoy that is another user's for each workload."""


@pytest.mark.parametrize(
    ("suite", "end"),
    [(CAPTURED, signal.SIGINT), (AGENTS, signal.SIGTERM), (NETWORK, signal.SIGKILL)],
    ids=("interrupted", "terminated", "killed"),
)
async def test_nothing_is_left_of_a_run_that_is(suite: str, end: signal.Signals, tmp_path: Path) -> None:
    if suite != AGENTS:
        need_namespaces()
    before = state(0)
    async with running(tmp_path, suite) as run:
        pid = run.process.pid
        await run.until_up()
        assert not any(maps_shared_memory(envoy) for envoy in run.programs("envoy"))
        assert state(pid) != before

        await run.end_by(end)

        await run.until(lambda: state(pid) == before, 30)
        assert marked(run.mark) == {}


async def test_nothing_is_left_of_a_run_that_fails(tmp_path: Path) -> None:
    before = state(0)
    async with running(tmp_path, "-p", "e2e.leftovers.failing", "e2e/test_access_log.py") as run:
        await run.end()

        assert "fails, as it is told to" in run.log.read_text()
        assert run.process.returncode == 1
        assert (state(run.process.pid), marked(run.mark)) == (before, {})


async def test_a_run_that_leaves_something_fails_with_its_name_and_it_is_gone(tmp_path: Path) -> None:
    before = state(0)
    async with running(tmp_path, "-p", "e2e.leftovers.untidy", "e2e/test_browser.py") as run:
        await run.end()

        said = run.log.read_text()
        assert run.process.returncode == 1
        assert "sleep 600" in said
        assert re.search(r"/run-\w+/untidy-\w+", said)
        assert missing() or f"pilothouse-{run.process.pid}-0-untidy" in said
        assert not clock_of_nobody(run.process.pid).exists()
        assert (state(run.process.pid), marked(run.mark)) == (before, {})
