"""The network between the control plane and all proxies is cut, silent, slow and lossy: no request fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from e2e.faults.machine.watched import watched
from e2e.faults.machine.world import Machine
from e2e.faults.steps import record
from e2e.faults.table import Fault, Measured

pytestmark = pytest.mark.asyncio(loop_scope="session")

_CUT_SECONDS = 3.0
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
