"""Supervision of child processes, with small programs in place of the demo's."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from xds.app.demo.errors import DemoError
from xds.app.demo.processes import Child, Command, ProcessEndedError, Processes

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)
ORPHANS = """
import asyncio, pathlib, sys
from xds.app.demo.processes import Command, Processes
async def main():
    folder = pathlib.Path(sys.argv[1])
    async with Processes(folder) as processes:
        child = await processes.start(Command("sleeper", ("sleep", "60"), folder))
        while pathlib.Path(f"/proc/{child.pid}/comm").read_text() != "sleep\\n":
            await asyncio.sleep(0.01)
        print(child.pid, flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[Processes]:
    async with Processes(tmp_path) as processes:
        yield processes


def python(name: str, code: str, cwd: Path) -> Command:
    return Command(name, (sys.executable, "-c", code), cwd)


async def logged(child: Child, text: str) -> None:
    assert await eventually(lambda: text in child.tail())


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def gone(pid: int) -> bool:
    """Whether the process ends within a few seconds."""
    return await eventually(lambda: not exists(pid))


async def eventually(condition: Callable[[], bool]) -> bool:
    for _ in range(1000):
        if condition():
            return True
        await asyncio.sleep(0.01)
    return False


async def test_leaving_the_context_ends_every_child(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        children = [await processes.start(Command(name, ("sleep", "60"), tmp_path)) for name in ("a", "b", "c")]
        assert all(exists(child.pid) for child in children)

    assert not any(exists(child.pid) for child in children)
    assert {await child.wait() for child in children} == {-signal.SIGTERM}


async def test_an_error_inside_ends_every_child(tmp_path: Path) -> None:
    pids = []

    async def fail() -> None:
        async with Processes(tmp_path) as processes:
            pids.append((await processes.start(Command("a", ("sleep", "60"), tmp_path))).pid)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert not any(map(exists, pids))


async def test_a_child_that_ignores_sigterm_is_killed(processes: Processes, tmp_path: Path) -> None:
    child = await processes.start(python("deaf", STUBBORN, tmp_path))
    await logged(child, "deaf")

    assert await child.stop(seconds=0.2) == -signal.SIGKILL


async def test_a_child_leads_a_process_group_of_its_own(processes: Processes, tmp_path: Path) -> None:
    child = await processes.start(Command("a", ("sleep", "60"), tmp_path))

    assert os.getpgid(child.pid) == child.pid != os.getpgid(0)


async def test_no_child_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", ORPHANS, str(tmp_path), stdout=PIPE)
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    assert exists(child)

    parent.kill()
    await parent.wait()

    assert await gone(child)


async def test_a_child_that_ends_is_reported_with_its_last_log_lines(processes: Processes, tmp_path: Path) -> None:
    await processes.start(Command("steady", ("sleep", "60"), tmp_path))
    lines = "import sys; print(*range(100), sep='\\n', flush=True); sys.exit('no such listener')"
    await processes.start(python("envoy of a", lines, tmp_path))

    with pytest.raises(ProcessEndedError) as raised:
        await processes.watch()

    message = str(raised.value).splitlines()
    assert message[0] == f"envoy of a ended. Its last log lines ({tmp_path}/envoy-of-a.log):"
    assert message[1:] == [*map(str, range(86, 100)), "no such listener"]


async def test_a_program_that_does_not_exist_is_reported(processes: Processes, tmp_path: Path) -> None:
    await processes.start(Command("ghost", ("/no/such/program",), tmp_path))

    with pytest.raises(ProcessEndedError, match="cannot run /no/such/program: No such file"):
        await processes.watch()


async def test_a_folder_that_does_not_exist_is_reported(processes: Processes, tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"cannot start lost: .*no-folder"):
        await processes.start(Command("lost", ("true",), tmp_path / "no-folder"))


async def test_the_environment_is_added_to_ours(processes: Processes, tmp_path: Path) -> None:
    code = "import os; print(os.environ['WHO'], 'PATH' in os.environ)"
    command = Command("env", (sys.executable, "-c", code), tmp_path, {"WHO": "me"})
    child = await processes.start(command)

    assert await child.wait() == 0
    assert child.tail() == "me True"


async def test_a_long_log_is_emptied_and_goes_on(processes: Processes, tmp_path: Path) -> None:
    code = (
        "import sys; print('x' * 999, flush=True); input_ = sys.stdin.read(); import time; time.sleep(0.5); print('on')"
    )
    child = await processes.start(python("talker", code, tmp_path))
    await logged(child, "x")

    child.bound_log(limit=999)
    assert child.tail() == ""
    await logged(child, "on")

    assert child.log.read_text() == "on\n"
    assert (tmp_path / "talker.log.1").read_text() == "x" * 999 + "\n"
