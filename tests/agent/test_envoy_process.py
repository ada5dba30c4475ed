"""Running Envoy, with small programs in its place: its options, its end, its user, and what is passed on to it."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from xds.agent.envoy.admin import Admin
from xds.agent.envoy.process import EnvoyProcess, Program, describe, exit_code
from xds.agent.envoy.restarts import FAILURES_AT_START
from xds.agent.envoy.supervisor import Drain, Supervisor
from xds.agent.http.client import Target

NOWHERE = Admin(Target("127.0.0.1", 1))
DRAIN = Drain(seconds=5, inbound_only=True)


def program(folder: Path, code: str, **more: object) -> Program:
    """Something that is started as Envoy is. Its code finds ``folder`` and ``args``."""
    path = folder / "envoy"
    path.write_text(f"#!{sys.executable}\nimport pathlib, sys, os, time, signal\n{code}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return Program(path, folder / "envoy.json", 5, **more)  # type: ignore[arg-type]  # of the test's own


def note(folder: Path, expression: str) -> str:
    """Code that writes a value to a file, which is there only when it is whole."""
    return f"p = pathlib.Path({str(folder)!r}); (p / 'n').write_text(str({expression})); (p / 'n').rename(p / 'note')"


async def noted(folder: Path) -> str:
    async with asyncio.timeout(20):
        while not (folder / "note").exists():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.01)
    return (folder / "note").read_text()


def test_what_the_operator_says_holds_instead_of_ours() -> None:
    ours = "--concurrency 2 --drain-strategy immediate --log-level warning --drain-time-s 5"
    assert Program(Path("envoy"), Path("b"), 5).argv() == f"envoy -c b --disable-hot-restart {ours}".split()
    told = "--concurrency 8 -l debug --drain-time-s=9"
    both = f"envoy -c b --disable-hot-restart --drain-strategy immediate {told}"
    assert Program(Path("envoy"), Path("b"), 5, told.split()).argv() == both.split()


def test_ends_are_said_as_people_say_them() -> None:
    assert (describe(-9), exit_code(-9)) == ("signal SIGKILL", 137)
    assert describe(-40) == "signal 40"
    assert (describe(3), exit_code(3)) == ("exit code 3", 3)


async def test_a_deaf_one_is_killed(tmp_path: Path) -> None:
    deaf = f"signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{note(tmp_path, '1')}\ntime.sleep(60)"
    process = await EnvoyProcess.start(program(tmp_path, deaf))
    await noted(tmp_path)
    assert await process.stop(0.1) == -signal.SIGKILL


PARENT = """
import asyncio, pathlib, sys
from xds.agent.envoy.process import EnvoyProcess, Program
async def main():
    envoy = pathlib.Path(sys.argv[1])
    process = await EnvoyProcess.start(Program(envoy, envoy, 5, user=(1337, 1338)))
    await process.wait()
asyncio.run(main())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
async def test_it_runs_as_another_user_and_still_ends_with_its_parent(public: Path) -> None:
    envoy = public / "envoy"
    says = f"echo $(id -u) $(id -g) $(id -G) $$ > {public}/n; mv {public}/n {public}/note"
    envoy.write_text(f"#!/bin/sh\n{says}; exec sleep 60\n")
    envoy.chmod(0o755)
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, str(envoy))
    try:
        *who, pid = (await noted(public)).split()
    finally:
        parent.kill()
        await parent.wait()
    assert who == ["1337", "1338", "1338"]
    async with asyncio.timeout(20):
        while exists(int(pid)):  # noqa: ASYNC110 - the kernel ends it
            await asyncio.sleep(0.01)


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder for everybody: pytest's own are for their owner alone."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_one_that_never_serves_is_given_up_with_its_exit_code(tmp_path: Path) -> None:
    starts = f"with open({str(tmp_path / 'starts')!r}, 'a') as f: f.write('x')\nsys.exit(7)"
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    supervisor = Supervisor(program(tmp_path, starts), NOWHERE, DRAIN, sleep)
    assert await supervisor.run() == 7
    assert (tmp_path / "starts").read_text() == "x" * FAILURES_AT_START
    assert pauses == [0.5, 1, 2, 4, 8]
    assert supervisor.restarts == FAILURES_AT_START - 1


async def test_signals_are_passed_on_and_a_stop_ends_it(tmp_path: Path) -> None:
    code = f"def got(number, frame):\n    {note(tmp_path, 'signal.Signals(number).name')}\n"
    code += f"signal.signal(signal.SIGUSR1, got)\n(pathlib.Path({str(tmp_path)!r}) / 'up').touch()\n"
    code += "while True: time.sleep(1)"
    supervisor = Supervisor(program(tmp_path, code), NOWHERE, DRAIN)
    running = asyncio.create_task(supervisor.run())
    async with asyncio.timeout(20):
        while not (tmp_path / "up").exists():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.01)
    supervisor.forward(signal.SIGUSR1)
    assert await noted(tmp_path) == "SIGUSR1"
    supervisor.stop()
    assert await running == 0
    assert not supervisor.running
