"""The folder of the configuration is emptied and made unreadable: all that was last read stays in force."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from e2e.faults.machine.watched import watched
from e2e.faults.machine.world import Machine
from e2e.faults.steps import LIVE_SECONDS, record
from e2e.faults.table import Fault, Measured

pytestmark = pytest.mark.asyncio(loop_scope="session")

_SECONDS = 2.0


async def says(mesh: Machine, *codes: str) -> None:
    """Waits until these are the errors of the control plane, and its metric counts them."""
    deadline = time.monotonic() + LIVE_SECONDS
    while (found := await errors(mesh)) != [*codes] or unread(await mesh.monitoring("/metrics")) != len(codes):
        assert time.monotonic() < deadline, f"{found} instead of {codes}"
        await asyncio.sleep(0.05)


async def errors(mesh: Machine) -> list[str]:
    """Their codes."""
    findings = json.loads(await mesh.monitoring("/debug/configz"))["diagnostics"]
    return [finding["code"] for finding in findings if finding["severity"] == "error"]


def unread(metrics: str) -> float:
    """The metric."""
    lines = (line.partition(" ") for line in metrics.splitlines())
    return next(float(value) for name, _, value in lines if name == "pilothouse_config_unread")


@contextmanager
def emptied(folder: Path) -> Iterator[None]:
    """Every file is taken out of it, and back again at the end."""
    files = {file: file.read_text() for file in folder.iterdir()}
    for file in files:
        file.unlink()
    try:
        yield
    finally:
        for file, text in files.items():
            file.write_text(text)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Nobody may read it."""
    mode = path.stat().st_mode
    path.chmod(0)
    try:
        yield
    finally:
        path.chmod(mode)


async def test_a_folder_that_is_emptied_leaves_all_in_force(mesh: Machine, measured: list[Measured]) -> None:
    async with watched(mesh) as seen:
        with emptied(mesh.config):
            await says(mesh, "emptied-folder")
            await asyncio.sleep(_SECONDS)
            seen.assert_unchanged()
        await says(mesh)
        seconds = await seen.until_live(seen.change())
    assert "leave one file" in mesh.log()
    text = f"all stays in force, with an error; when it is back, a change is live after {seconds:.2f} s"
    record(measured, Fault.FOLDER_EMPTIED, seen.traffic, text)


async def test_what_cannot_be_read_stays_in_force(mesh: Machine, measured: list[Measured]) -> None:
    route = mesh.config / "virtual-service.yaml"
    async with watched(mesh) as seen:
        for place in (mesh.config, route):
            with locked(place):
                await says(mesh, "unreadable")
                await asyncio.sleep(_SECONDS)
            seen.assert_unchanged()
            await says(mesh)
        seconds = await seen.until_live(seen.change())
    text = f"all stays in force, with an error; a change after it is live after {seconds:.2f} s"
    record(measured, Fault.FOLDER_LOCKED, seen.traffic, text)
