"""A run of pytest beside this one, and what there is of it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e.leftovers.processes import VARIABLE, end_all, marked, with_mark
from examples.bookinfo.topology import REPOSITORY

_UP_SECONDS = 180.0
_GONE_SECONDS = 60.0


@dataclass(frozen=True)
class Run:
    """A run of pytest that goes on. log: what it prints."""

    process: asyncio.subprocess.Process
    mark: str
    log: Path

    def programs(self, name: str) -> list[int]:
        """Its processes that run this program."""
        return [pid for pid, command in marked(self.mark).items() if Path(command.split(" ")[0]).name == name]

    async def until_up(self) -> None:
        """Until it has an Envoy, which is the last that a mesh needs."""
        await self.until(lambda: bool(self.programs("envoy")), _UP_SECONDS)

    async def end_by(self, number: signal.Signals) -> None:
        """Sends it a signal, and waits until it and all that it had started have ended."""
        self.process.send_signal(number)
        await self.end()

    async def end(self) -> None:
        """Waits for that."""
        await asyncio.wait_for(self.process.wait(), _GONE_SECONDS)
        await self.until(lambda: not marked(self.mark), _GONE_SECONDS)

    async def until(self, condition: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"{marked(self.mark)}\n{self.log.read_text()[-3000:]}"
            await asyncio.sleep(0.1)


@asynccontextmanager
async def running(folder: Path, *arguments: str) -> AsyncIterator[Run]:
    """Pytest in a process group of its own. Whatever becomes of it, it is gone when the context is closed."""
    mark, log = uuid.uuid4().hex, folder / "pytest.log"
    argv = (sys.executable, "-m", "pytest", "-x", "--basetemp", str(folder / "pytest"), "-p", "no:cacheprovider")
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *argv,
            *arguments,
            cwd=REPOSITORY,
            stdout=output,
            stderr=output,
            env={**os.environ, VARIABLE: with_mark(mark)},
            process_group=0,
        )
    try:
        yield Run(process, mark, log)
    finally:
        end_all(mark)
        await process.wait()
