"""One run of Envoy, from its start to its end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from xds.agent import leash

_DEFAULTS: Final = {
    "--concurrency": "2",
    "--drain-strategy": "immediate",
    "--log-level": "warning",
}
"""Of options that the operator does not give: Istio's, where it has one."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. arguments: the operator's, after ours. user: the numbers of another user and its group."""

    envoy: Path
    bootstrap: Path
    drain_seconds: float
    arguments: Sequence[str] = ()
    user: tuple[int, int] | None = None

    def argv(self) -> list[str]:
        """Envoy's command line.

        Hot restart would share memory with other Envoys of this machine, and nobody does it. What the operator gives
        holds instead of ours: Envoy takes no option twice.
        """
        given = {argument.partition("=")[0] for argument in self.arguments} | self._short()
        ours = {**_DEFAULTS, "--drain-time-s": str(max(1, round(self.drain_seconds)))}
        chosen = [word for option, value in ours.items() if option not in given for word in (option, value)]
        alone = [] if "--disable-hot-restart" in given else ["--disable-hot-restart"]
        return [str(self.envoy), "-c", str(self.bootstrap), *alone, *chosen, *self.arguments]

    def _short(self) -> set[str]:
        return {"--log-level"} if any(word.startswith("-l") for word in self.arguments) else set()


class EnvoyProcess:
    """A running Envoy, on a leash (see `leash`): it ends when this process does, however that ends.

    It is the leader of its own process group, so that Ctrl-C reaches the agent alone, which lets it drain first. What
    it prints goes where the agent prints.
    """

    def __init__(self, process: Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, program: Program) -> EnvoyProcess:
        """Starts Envoy. To be called in the main thread: the kernel ties the leash to the thread. Raises OSError."""
        user = ("--uid", ":".join(map(str, program.user))) if program.user is not None else ()
        leashed = (sys.executable, "-I", "-S", leash.__file__, *user, str(os.getpid()), *program.argv())
        return cls(await asyncio.create_subprocess_exec(*leashed, stdin=DEVNULL, process_group=0))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    async def wait(self) -> int:
        """The exit status, negative for a signal, once it has ended."""
        return await self._process.wait()

    def send(self, number: signal.Signals) -> None:
        """Passes a signal on, if there is anybody to get it."""
        if self.running:
            self._process.send_signal(number)

    async def stop(self, seconds: float) -> int:
        """SIGTERM, and SIGKILL if that does not end it within ``seconds``. Returns its exit status."""
        self.send(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self.wait(), seconds)
        except TimeoutError:
            self.send(signal.SIGKILL)
            return await self.wait()


def describe(status: int) -> str:
    """An exit status as people say it."""
    if status >= 0:
        return f"exit code {status}"
    return f"signal {signal.Signals(-status).name if -status in set(signal.Signals) else -status}"


def exit_code(status: int) -> int:
    """As a shell says it."""
    return 128 - status if status < 0 else status
