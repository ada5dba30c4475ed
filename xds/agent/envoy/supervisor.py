"""Keeps one Envoy running until somebody asks for the end."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

from xds.agent.envoy.admin import Admin
from xds.agent.envoy.drain import drain
from xds.agent.envoy.process import EnvoyProcess, Program, describe, exit_code
from xds.agent.envoy.restarts import FAILURES_AT_START, Ended, Restarts

TERM_SECONDS: Final = 5.0
"""For Envoy to end by itself after SIGTERM."""

_LOOK_SECONDS: Final = 0.2

_log = structlog.get_logger("xds.agent")


@dataclass(frozen=True, slots=True)
class Drain:
    """seconds: at most. inbound_only: see `drain`."""

    seconds: float
    inbound_only: bool


class Supervisor:
    """restarts: how often Envoy was started again. sleep: what passes the time between two starts."""

    def __init__(
        self,
        program: Program,
        admin: Admin,
        ending: Drain,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._sleep = sleep
        self._program = program
        self._admin = admin
        self._ending = ending
        self._process: EnvoyProcess | None = None
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self.restarts = 0

    @property
    def running(self) -> bool:
        """Whether there is an Envoy now."""
        return self._process is not None and self._process.running

    def stop(self) -> None:
        """Ends `run` after draining; called a second time, without."""
        (self._hurry if self._stop.is_set() else self._stop).set()

    def forward(self, number: signal.Signals) -> None:
        """Passes a signal on to Envoy."""
        _log.info("a signal is passed on to Envoy", signal=number.name)
        if self._process is not None:
            self._process.send(number)

    async def run(self) -> int:
        """Runs Envoy until `stop`; gives 0. Gives Envoy's exit code if it ends again and again and never served."""
        known = Restarts()
        while not self._stop.is_set():
            began = time.monotonic()
            self._process = process = await EnvoyProcess.start(self._program)
            _log.info("Envoy started", pid=process.pid, restarts=self.restarts)
            serving = asyncio.create_task(self._watch())
            try:
                status = await self._until_end(process)
                served = serving.done() and not serving.cancelled()
            finally:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)
                await process.stop(0)
            if self._stop.is_set():
                break
            known = known.after(Ended(time.monotonic() - began, served))
            if known.hopeless:
                _log.error(
                    "Envoy does not start; see what it printed", attempts=FAILURES_AT_START, how=describe(status)
                )
                return exit_code(status) or 1
            self.restarts += 1
            _log.warning("Envoy ended by itself and is started again", how=describe(status), in_seconds=known.delay)
            await _first(self._stop.wait(), self._sleep(known.delay))
        return 0

    async def _until_end(self, process: EnvoyProcess) -> int:
        await _first(process.wait(), self._stop.wait())
        if not process.running:
            return await process.wait()
        await _first(
            drain(self._admin, self._ending.seconds, inbound_only=self._ending.inbound_only),
            self._hurry.wait(),
            process.wait(),
        )
        status = await process.stop(TERM_SECONDS)
        _log.info("Envoy ended", how=describe(status))
        return status

    async def _watch(self) -> None:
        """Returns when Envoy serves."""
        while problem := await self._admin.problem():
            _log.debug("not ready", reason=problem)
            await asyncio.sleep(_LOOK_SECONDS)
        _log.info("Envoy serves")


async def _first(*waits: Awaitable[object]) -> None:
    """Until one of them is done; what the others do is cancelled. Raises what that one raised."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
