"""Child processes: started apart from the terminal, logged to files, watched, and ended without leaving one behind.

Each child is the leader of its own process group, so that Ctrl-C reaches the demo alone, which then ends the children
in order; and each is on a leash (see `leash`), so that none outlives a demo that is killed. The kernel ties the leash
to the thread that starts the child: use one `Processes` from one thread, which must live as long as the children.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

from xds.agent import leash
from xds.app.demo.errors import DemoError

STOP_SECONDS = 6.0
"""How long a child has to end by itself after SIGTERM. The control plane takes up to 5 s."""

TAIL_LINES = 15
_TAIL_BYTES = 16 * 1024
_LOG_BYTES = 8 * 1024 * 1024


class ProcessEndedError(DemoError):
    """A child ended that was meant to go on. The message carries its last log lines."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run. name: what it is to the demo's user, unique, also the name of its log file. env: added to ours."""

    name: str
    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)


class Child:
    """A running child process."""

    def __init__(self, command: Command, process: Process, log: Path) -> None:
        self.command = command
        self.log = log
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    async def wait(self) -> int:
        """The exit status, negative for a signal, once the child has ended."""
        return await self._process.wait()

    def send(self, number: signal.Signals) -> None:
        """Sends the child a signal."""
        self._process.send_signal(number)

    async def stop(self, seconds: float = STOP_SECONDS) -> int:
        """Asks the child to end, then makes it: SIGTERM, and SIGKILL after ``seconds``. Returns its exit status."""
        if self.running:
            self._process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self.wait(), seconds)
        except TimeoutError:
            with suppress(ProcessLookupError):  # it has ended just now
                self._process.kill()
            return await self.wait()

    def tail(self, lines: int = TAIL_LINES) -> str:
        """The last lines of the log."""
        with self.log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])

    def bound_log(self, limit: int = _LOG_BYTES) -> None:
        """Empties a log longer than ``limit`` bytes into ``NAME.log.1``. The child appends: it goes on from there."""
        if self.log.stat().st_size > limit:
            shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
            os.truncate(self.log, 0)


class Processes:
    """All children of one mesh. An async context manager: whatever happens inside, none is left after it."""

    def __init__(self, log_dir: Path) -> None:
        self.log_dir = log_dir
        self.children: list[Child] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self, command: Command) -> Child:
        """Starts a child. Raises DemoError if the program cannot be run."""
        log = self.log_dir / f"{command.name.replace(' ', '-')}.log"
        leashed = (sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), *command.argv)
        with log.open("ab") as output:
            try:
                process = await asyncio.create_subprocess_exec(
                    *leashed,
                    stdin=DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=command.cwd,
                    env={**os.environ, **command.env},
                    process_group=0,
                )
            except OSError as error:
                raise DemoError(f"cannot start {command.name}: {error}") from error
        child = Child(command, process, log)
        self.children.append(child)
        return child

    async def watch(self) -> NoReturn:
        """Waits for ever. Raises ProcessEndedError when a child that runs now ends."""
        waits = {asyncio.ensure_future(child.wait()): child for child in self.children}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        raise ended(waits[done.pop()])

    def bound_logs(self) -> None:
        """Keeps every log file to a size that a demo left running over night does not outgrow."""
        for child in self.children:
            child.bound_log()

    async def stop(self) -> None:
        """Ends all children: first those that were started later, all at once, then the first.

        The first is what the others depend on, the control plane; when nobody uses it any more it ends quickly.
        """
        first, rest = self.children[:1], self.children[1:]
        for group in (rest, first):
            await asyncio.gather(*(child.stop() for child in group))


def ended(child: Child) -> ProcessEndedError:
    """The error for a child that has ended, with what it last said."""
    return ProcessEndedError(f"{child.command.name} ended. Its last log lines ({child.log}):\n{child.tail()}")
