"""Nothing is left in the engine of a run that is interrupted; of one that is killed, the next run removes it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from e2e.compose.leftovers import left, new_name, projects_of, remove, remove_leftovers
from e2e.compose.leftovers import running as containers
from e2e.compose.project import docker, need_docker
from e2e.leftovers.run import running

_UP_SECONDS = 600.0
_SOME = 4


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
async def test_nothing_is_left_of_a_run(end: signal.Signals, tmp_path: Path) -> None:
    need_docker()
    async with running(tmp_path, "e2e/compose/test_shop.py") as run:
        await run.until(lambda: len(containers(docker, run.process.pid)) >= _SOME, _UP_SECONDS)
        (project,) = projects_of(docker, run.process.pid)
        try:
            await run.end_by(end)
            if end is signal.SIGKILL:
                assert left(docker, project) != []
                await run.until(lambda: _removed(project), 60)

            assert left(docker, project) == []
        finally:
            remove(docker, project)


async def test_the_projects_of_others_are_left_alone() -> None:
    need_docker()
    gone, ours, others = new_name(2**22), new_name(), new_name(2**22).replace("pilothouse-", "pilothouse-1")
    try:
        for name in (gone, ours, others):
            docker("volume", "create", "--label", f"com.docker.compose.project={name}", name)

        remove_leftovers(docker)

        assert [left(docker, name) for name in (gone, ours, others)] == [[], [ours], [others]]
    finally:
        for name in (gone, ours, others):
            remove(docker, name)


def _removed(project: str) -> bool:
    """As the next run does first. The engine may still be making something that it was told to."""
    remove_leftovers(docker)
    return left(docker, project) == []
