"""From the release before to this one under load, and back: no request fails, no root is made anew, nothing is lost."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from e2e.agent.world import until
from e2e.lab import Lab
from e2e.load import load
from e2e.program import HERE, Program
from e2e.upgrade.mesh import SERVER, Mesh, new_mesh
from e2e.upgrade.release import Release, release_before
from e2e.upgrade.watched import Watched
from examples.bookinfo.topology import REPOSITORY

EARLIER, LATER = "earlier", "later"
"""Clients: one beside an agent of the release before, one beside an agent of this one. They stay as they are."""

_RATE = 20.0


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return release_before(REPOSITORY, tmp_path_factory.mktemp("release") / "source")


def version_of(program: Program) -> str:
    """The version of what really runs, which has to be in its own folder."""
    code = "import xds; print(xds.__version__, xds.__file__)"
    done = subprocess.run(
        [program.python, "-P", "-c", code], env=program.environment, check=True, capture_output=True, text=True
    )
    version, file = done.stdout.split()
    assert Path(file).is_relative_to(program.source)
    return version


@asynccontextmanager
async def under_load(mesh: Mesh) -> AsyncIterator[dict[str, Watched]]:
    """Both clients send requests while the context is open; judged at its end."""
    seen = {name: Watched() for name in (EARLIER, LATER)}
    async with (
        load(mesh.proxy(EARLIER), SERVER, _RATE, seen[EARLIER]),
        load(mesh.proxy(LATER), SERVER, _RATE, seen[LATER]),
    ):
        yield seen
    for name, traffic in seen.items():
        assert traffic.failures == []
        assert traffic.lost == []
        assert traffic.senders == {mesh.workloads[name].identity}


async def change(mesh: Mesh, traffic: dict[str, Watched], step: int) -> None:
    """Changes the configuration, and waits until requests of both clients are sent by it."""
    mesh.change(step)

    async def live() -> bool:
        return all(step in each.live for each in traffic.values())

    await until(live, True)


async def answer(traffic: dict[str, Watched], *servers: str) -> None:
    """Waits until each of these has answered requests of both clients that were sent from now on."""
    before = {name: dict(each.answered) for name, each in traffic.items()}

    async def answered() -> bool:
        return all(
            each.answered[server] > before[name].get(server, 0) for name, each in traffic.items() for server in servers
        )

    await until(answered, True)


async def test_an_upgrade_and_its_roll_back_cost_nothing(
    lab: Lab, release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    before, this = release.program, HERE
    began = time.monotonic()
    mesh = await new_mesh(lab, before)
    assert await mesh.version() == version_of(before)
    joining = {"server-a": before, "server-b": before, EARLIER: before, LATER: this}
    await asyncio.gather(*(mesh.join(name, program) for name, program in joining.items()))
    for name in (EARLIER, LATER):
        await mesh.reaches(name, "server-a")
        await mesh.reaches(name, "server-b")
    made = mesh.authorities()

    async with under_load(mesh) as traffic:
        await change(mesh, traffic, 1)

        await mesh.replace_control_plane(this)
        assert await mesh.version() == version_of(this)
        await change(mesh, traffic, 2)
        await mesh.join("server-c", this)
        await answer(traffic, "server-a", "server-b", "server-c")
        await mesh.reaches("server-c", "server-b")
        await mesh.replace_agent("server-a", this)
        await answer(traffic, "server-a")
        await change(mesh, traffic, 3)
        assert mesh.authorities() == made

        await mesh.replace_control_plane(before)
        assert await mesh.version() == version_of(before)
        await change(mesh, traffic, 4)
        await mesh.join("server-d", before)
        await answer(traffic, "server-a", "server-b", "server-c", "server-d")
        await mesh.reaches("server-d", "server-c")
        await mesh.replace_agent("server-a", before)
        await answer(traffic, "server-a")
        await change(mesh, traffic, 5)
        assert mesh.authorities() == made

    with capsys.disabled():
        requests = sum(each.requests for each in traffic.values())
        print(f"\nupgraded from {release.what}, and back: {requests} requests in {time.monotonic() - began:.0f} s")
