"""Clocks of the control plane and of an agent jump by days: no certificate is useless, and nothing that holds is lost.

Everybody else's clock is right.
"""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from e2e.faults.machine import clock
from e2e.faults.machine.test_disk import events, run, until
from e2e.faults.machine.watched import Watched, watched
from e2e.faults.machine.world import SECURE, Machine
from e2e.faults.steps import LIVE_SECONDS, record
from e2e.faults.table import Fault, Measured
from xds.app.demo.processes import Child

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(bool(clock.missing()), reason=clock.missing() or "clocks can be set"),
]

_DAYS = timedelta(days=3)
_BUSY = 0.7
"""Of a core: more than this is a loop that waits for nothing."""


async def until_noticed(seen: Watched, jump: timedelta) -> None:
    """Makes changes until the control plane's log is of another day."""
    deadline = time.monotonic() + LIVE_SECONDS
    while abs(_told(seen.mesh) - jump) > timedelta(hours=1):
        assert time.monotonic() < deadline, "the clock of the control plane has not been set"
        await seen.until_live(seen.change())


def _told(mesh: Machine) -> timedelta:
    """How far the control plane's clock was ahead when it last put something in force."""
    applied = datetime.fromisoformat(events(mesh, "configuration applied")[-1]["timestamp"])
    return applied - datetime.now(applied.tzinfo)


def cpu(child: Child) -> float:
    """Seconds that a process has computed."""
    fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def joins(mesh: Machine, token: Path) -> str:
    """Asks for a certificate, as a new workload; its number, or nothing if it is refused."""
    program = (sys.executable, "-m", "e2e.faults.machine.newcomer", SECURE, str(mesh.root), str(token))
    done = await run(*mesh.places["client"].command(*program))
    assert "certificate of no use" not in done.stderr, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("fault", "jump"), [(Fault.CLOCK_AHEAD, _DAYS), (Fault.CLOCK_BEHIND, -_DAYS)], ids=["ahead", "behind"]
)
async def test_the_clock_of_the_control_plane_jumps(
    mesh: Machine, measured: list[Measured], fault: Fault, jump: timedelta
) -> None:
    token = mesh.join_token(f"newcomer-{fault.name.lower()}")
    async with watched(mesh) as seen:
        began, used = time.monotonic(), cpu(mesh.control_plane)
        with mesh.clock.jumped(jump.total_seconds()):
            await until_noticed(seen, jump)
            joined = await joins(mesh, token)
        await until_noticed(seen, timedelta())
        share = (cpu(mesh.control_plane) - used) / (time.monotonic() - began)
        joined = joined or await joins(mesh, token)
        seconds = await seen.until_live(seen.change())
    assert joined
    assert share < _BUSY
    text = f"changes go on; who joins gets a certificate that holds; a change after it is live after {seconds:.2f} s"
    record(measured, fault, seen.traffic, text)


async def test_the_clock_of_an_agent_jumps(mesh: Machine, measured: list[Measured]) -> None:
    agent = mesh.agents["client"]
    async with watched(mesh) as seen:
        began, used = time.monotonic(), cpu(agent)
        with mesh.agent_clock.jumped(_DAYS.total_seconds()):
            await until(lambda: "no new certificate" in agent.log.read_text(), "the agent has noticed")
            await seen.until_live(seen.change())
            await asyncio.sleep(2)
        share = (cpu(agent) - used) / (time.monotonic() - began)
        seconds = await seen.until_live(seen.change())
    assert share < _BUSY
    text = f"it keeps its certificate and says why it gets no other; a change after it is live after {seconds:.2f} s"
    record(measured, Fault.AGENT_CLOCK, seen.traffic, text)
