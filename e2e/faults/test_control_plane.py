"""The control plane is killed, and its configuration is damaged, flooded and changed without end: no request fails."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time

from e2e.faults.table import Measured
from e2e.lab import Lab
from e2e.load import Traffic, load
from e2e.load_mesh import HOST, LoadMesh, put, route, start

RATE = 50.0
AWAY_SECONDS = 3.0
_LIVE_SECONDS = 40.0
"""Envoys that have lost their control plane wait up to 5 s between attempts, and a busy machine takes its time."""


async def live(mesh: LoadMesh, traffic: Traffic, version: str) -> float:
    """Has every request go to a version, and returns after how many seconds one was first answered by it."""
    began = time.monotonic()
    put(mesh.lab.config, "virtual-service", route(**{version: 100}))
    while not any(sent > began and by == version for sent, by in traffic.latest):
        assert time.monotonic() < began + _LIVE_SECONDS, f"{version} is not live; last: {traffic.latest[-3:]}"
        await asyncio.sleep(0.005)
    return time.monotonic() - began


def record(measured: list[Measured], fault: str, traffic: Traffic, afterwards: str) -> None:
    """Keeps the figures, and fails if a request has."""
    measured.append(Measured(fault, traffic.requests, len(traffic.failures), afterwards))
    assert traffic.failures == []


async def test_the_control_plane_is_killed(lab: Lab, measured: list[Measured]) -> None:
    mesh = await start(lab)
    (control_plane,) = (child for child in lab.processes.children if child.command.name == "control plane")
    async with load(mesh.client, HOST, RATE) as traffic:
        os.kill(control_plane.pid, signal.SIGKILL)
        await control_plane.wait()
        await asyncio.sleep(AWAY_SECONDS)
        await lab.serve(address=lab.control_plane)
        seconds = await live(mesh, traffic, "v2")
    text = f"a change is live {seconds:.1f} s after it is back"
    record(measured, f"control plane killed (SIGKILL), started again after {AWAY_SECONDS:g} s", traffic, text)


async def test_a_file_is_half_written(lab: Lab, measured: list[Measured]) -> None:
    mesh = await start(lab)
    async with load(mesh.client, HOST, RATE) as traffic:
        for text in ('{"apiVersion": "networking', "a: [", "\0\0\0", "spec: {hosts: [echo]}"):
            (lab.config / "virtual-service.yaml").write_text(text)
            await asyncio.sleep(0.5)
        seconds = await live(mesh, traffic, "v2")
    text = f"the last good version stays; when it is whole it is live after {seconds:.2f} s"
    record(measured, "file of the configuration half-written, and worse", traffic, text)


async def test_the_folder_is_replaced(lab: Lab, measured: list[Measured]) -> None:
    mesh = await start(lab)
    async with load(mesh.client, HOST, RATE) as traffic:
        other = lab.folder / "other"
        shutil.copytree(lab.config, other)
        lab.config.rename(lab.folder / "gone")
        await asyncio.sleep(1.0)
        other.rename(lab.config)
        seconds = await live(mesh, traffic, "v2")
    text = f"a change in the new one is live after {seconds:.1f} s"
    record(measured, "folder of the configuration taken away for 1 s, and another in its place", traffic, text)


async def test_invalid_objects_flood_it(lab: Lab, measured: list[Measured]) -> None:
    mesh = await start(lab)
    async with load(mesh.client, HOST, RATE) as traffic:
        for number in range(500):
            bad = {**route(v1=100), "metadata": {"name": f"bad-{number}"}, "spec": {"hosts": number}}
            put(lab.config, f"bad-{number}", bad)
            await asyncio.sleep(0.002)
        seconds = await live(mesh, traffic, "v2")
    record(
        measured,
        "500 invalid objects within a second",
        traffic,
        f"a valid change among them is live after {seconds:.1f} s",
    )


async def test_it_changes_a_thousand_times_a_minute(lab: Lab, measured: list[Measured]) -> None:
    mesh = await start(lab)
    async with load(mesh.client, HOST, RATE) as traffic:
        for number in range(500):
            put(lab.config, "virtual-service", route(v1=number % 100 + 1, v2=99 - number % 100))
            await asyncio.sleep(0.06)
        seconds = await live(mesh, traffic, "v2")
    record(measured, "1,000 changes a minute, for half a minute", traffic, f"the last is live after {seconds:.2f} s")
