"""The network between the control plane and all proxies is cut, silent, slow and lossy: no request fails."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from e2e.faults.machine.watched import watched
from e2e.faults.machine.world import Machine
from e2e.faults.steps import record
from e2e.faults.table import Fault, Measured
from e2e.waiting import happened

pytestmark = pytest.mark.asyncio(loop_scope="session")

_CUT_SECONDS = 3.0
_GIVEN_UP_SECONDS = 60
"""30 without a word, 10 without an answer, and a busy machine."""

_CHANGES = 3


@contextmanager
def link_down(mesh: Machine) -> Iterator[None]:
    """The control plane's cable is pulled."""
    mesh.places["hub"].run("ip", "link", "set", "cable", "down")
    try:
        yield
    finally:
        mesh.places["hub"].run("ip", "link", "set", "cable", "up")


@contextmanager
def silence(mesh: Machine) -> Iterator[None]:
    """A firewall drops whatever comes to the control plane and goes from it, and tells nobody."""
    control = mesh.places["control"]
    for way in (("INPUT", "-i"), ("OUTPUT", "-o")):
        control.run("iptables", "-A", *way, "eth0", "-j", "DROP")
    try:
        yield
    finally:
        control.run("iptables", "-F")


CUTS = [(Fault.LINK_DOWN, link_down), (Fault.SILENT_DROPS, silence)]


@pytest.mark.parametrize(("fault", "cut"), CUTS, ids=[fault.name for fault, _ in CUTS])
async def test_a_change_made_while_the_control_plane_is_cut_off_arrives_after_it(
    mesh: Machine, measured: list[Measured], fault: Fault, cut: Callable[[Machine], AbstractContextManager[None]]
) -> None:
    async with watched(mesh) as seen:
        with cut(mesh):
            version = seen.change()
            await asyncio.sleep(_CUT_SECONDS)
            seen.assert_unchanged()
        seconds = await seen.until_live(version)
    record(measured, fault, seen.traffic, f"a change made meanwhile is live {seconds:.1f} s after it heals")


async def test_connections_that_were_given_up_in_silence_are_made_anew(mesh: Machine, measured: list[Measured]) -> None:
    async def nobody_is_connected() -> bool:
        return not json.loads(await mesh.monitoring("/debug/syncz"))

    async with watched(mesh) as seen:
        with silence(mesh):
            began = time.monotonic()
            version = seen.change()
            await happened(nobody_is_connected, "all connections are given up", _GIVEN_UP_SECONDS)
            silent = time.monotonic() - began
            seen.assert_unchanged()
        seconds = await seen.until_live(version)
    text = (
        f"after {silent:.0f} s the control plane has given up every connection; a change made meanwhile is live "
        f"{seconds:.1f} s after it heals"
    )
    record(measured, Fault.SILENT_FOR_LONG, seen.traffic, text)


async def test_a_slow_and_lossy_link_delays_changes_and_nothing_else(mesh: Machine, measured: list[Measured]) -> None:
    lost = mesh.cable.lost
    mesh.cable.delay, mesh.cable.loss = 0.1, 0.1
    try:
        async with watched(mesh) as seen:
            taken = [await seen.until_live(seen.change()) for _ in range(_CHANGES)]
    finally:
        mesh.cable.delay, mesh.cable.loss = 0.0, 0.0
    assert mesh.cable.lost > lost
    text = f"{_CHANGES} changes are live after {', '.join(f'{seconds:.1f}' for seconds in taken)} s"
    record(measured, Fault.SLOW_AND_LOSSY, seen.traffic, text)
