"""One run of the demo, from the first process started to the last one ended: live, or as a check.

Imports the example: import this module only when the checkout is importable (see `checkout`).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from xds.app.demo.bring_up import Progress, bring_up
from xds.app.demo.check import perform_all
from xds.app.demo.errors import DemoError, first_of
from xds.app.demo.interrupt import Interrupted, interruptible
from xds.app.demo.live import hints_for, show
from xds.app.demo.plan import Component, Plan
from xds.app.demo.ports import taken
from xds.app.demo.processes import Processes
from xds.app.demo.progress import progress_on
from xds.app.demo.report import Report
from xds.app.demo.shop import Shop, new_session
from xds.app.demo.strict import apply_all, strict_plan

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Running:
    """A mesh that is up."""

    shop: Shop
    components: tuple[Component, ...]
    processes: Processes


@asynccontextmanager
async def up(plan: Plan, run_dir: Path, progress: Progress) -> AsyncIterator[Running]:
    """The plan's mesh, running while the context is open. Raises DemoError if it does not come up."""
    async with Processes(run_dir) as processes, new_session() as session:
        components = plan.components(run_dir)
        await bring_up(components, processes, progress)
        yield Running(Shop(session, plan), components, processes)


async def run_live(plan: Plan, console: Console, *, strict: bool = False) -> int:
    """Runs until SIGINT or SIGTERM, which is exit status 0. strict: under strict mutual TLS."""
    with run_folder() as folder:
        if strict:
            plan = strict_plan(plan, folder)
            apply_all(plan)
        with suppress(Interrupted):
            await interruptible(_live(plan, folder, console))
        console.print("Everything is stopped.")
    return 0


async def _live(plan: Plan, folder: Path, console: Console) -> None:
    async with AsyncExitStack() as stack:
        with progress_on(console) as progress:
            running = await stack.enter_async_context(up(plan, folder, progress))
        hints = hints_for(running.shop, folder)
        await while_running(
            running.processes, show(running.shop, running.components, running.processes, console, hints)
        )


async def run_check(plan: Plan, console: Console, *, strict: bool = False) -> int:
    """Performs every step, on a copy of the configuration. Exit status 0. strict: under strict mutual TLS.

    Raises DemoError if something is not as it has to be, or the check was interrupted.
    """
    with run_folder() as folder:
        if strict:
            plan = strict_plan(plan, folder)
        else:
            plan = replace(plan, config=shutil.copytree(plan.config, folder / "mesh"))
        report = Report(console)
        try:
            await interruptible(_check(plan, folder, console, report))
        except Interrupted:
            report.problem("interrupted")
        report.require_success()
    return 0


async def _check(plan: Plan, folder: Path, console: Console, report: Report) -> None:
    started = time.monotonic()
    async with AsyncExitStack() as stack:
        with progress_on(console, quiet=not console.is_terminal) as progress:
            running = await stack.enter_async_context(up(plan, folder, progress))
        count = len(running.components)
        report.ok(f"up: {count} processes ready after {time.monotonic() - started:.1f} s")
        await while_running(running.processes, _perform(running.shop, report))
    _report_what_is_left(running, report)


async def _perform(shop: Shop, report: Report) -> None:
    async for outcome in perform_all(shop):
        report.outcome(outcome)


def _report_what_is_left(running: Running, report: Report) -> None:
    alive = [child.command.name for child in running.processes.children if _exists(child.pid)]
    open_ports = taken(address for component in running.components for address in component.addresses)
    if alive or open_ports:
        report.problem(f"left behind: processes {alive}, listening {[str(address) for address in open_ports]}")
    else:
        report.ok("down: every process has ended, no port is left open")


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def while_running(processes: Processes, work: Coroutine[None, None, T]) -> T:
    """Does ``work``. Raises ProcessEndedError, with the work cancelled, if a process ends before it does."""
    try:
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(processes.watch())
            result = await work
            watch.cancel()
        return result
    except ExceptionGroup as errors:
        raise first_of(errors) from None


@contextmanager
def run_folder() -> Iterator[Path]:
    """A folder for logs and bootstraps: gone afterwards, but kept, and named, if the demo fails and there are logs."""
    folder = Path(tempfile.mkdtemp(prefix="pilothouse-demo-"))
    try:
        yield folder
    except DemoError as error:
        if any(folder.glob("*.log")):
            raise DemoError(f"{error}\nAll logs: {folder}") from error
        shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)
