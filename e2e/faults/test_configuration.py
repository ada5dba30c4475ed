"""The configuration is damaged, flooded and changed without end: no request fails."""

from __future__ import annotations

import asyncio
import shutil

from e2e.faults.steps import RATE, live, record
from e2e.faults.table import Fault, Measured
from e2e.lab import Lab
from e2e.load import load
from e2e.load_mesh import HOST, put, route, start


async def test_a_file_is_half_written(lab: Lab, measured: list[Measured]) -> None:
    mesh = await start(lab)
    async with load(mesh.client, HOST, RATE) as traffic:
        for text in ('{"apiVersion": "networking', "a: [", "\0\0\0", "spec: {hosts: [echo]}"):
            (lab.config / "virtual-service.yaml").write_text(text)
            await asyncio.sleep(0.5)
        assert traffic.answered.keys() == {"v1"}
        seconds = await live(mesh, traffic, "v2")
    text = f"the last good version stays; when it is whole it is live after {seconds:.2f} s"
    record(measured, Fault.HALF_WRITTEN, traffic, text)


async def test_the_folder_is_replaced(lab: Lab, measured: list[Measured]) -> None:
    mesh = await start(lab)
    async with load(mesh.client, HOST, RATE) as traffic:
        other = lab.folder / "other"
        shutil.copytree(lab.config, other)
        lab.config.rename(lab.folder / "gone")
        await asyncio.sleep(1.0)
        assert traffic.answered.keys() == {"v1"}
        other.rename(lab.config)
        seconds = await live(mesh, traffic, "v2")
    text = f"a change in the new one is live after {seconds:.1f} s"
    record(measured, Fault.FOLDER_REPLACED, traffic, text)


async def test_invalid_objects_flood_it(lab: Lab, measured: list[Measured]) -> None:
    mesh = await start(lab)
    async with load(mesh.client, HOST, RATE) as traffic:
        for number in range(500):
            bad = {**route(v1=100), "metadata": {"name": f"bad-{number}"}, "spec": {"hosts": number}}
            put(lab.config, f"bad-{number}", bad)
            await asyncio.sleep(0.002)
        assert traffic.answered.keys() == {"v1"}
        seconds = await live(mesh, traffic, "v2")
    record(
        measured,
        Fault.INVALID_FLOOD,
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
    record(measured, Fault.THOUSAND_CHANGES, traffic, f"the last is live after {seconds:.2f} s")
