"""The demo as a person watches it: traffic that keeps flowing, and a view of it that keeps up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import aiohttp
from rich.console import Console
from rich.live import Live

from xds.app.demo.bring_up import is_ready
from xds.app.demo.findings import Findings, ask
from xds.app.demo.plan import Component
from xds.app.demo.processes import Processes
from xds.app.demo.shop import Shop
from xds.app.demo.strangers import keep_trying
from xds.app.demo.table import Hints, State, line, opening, render
from xds.app.demo.traffic import Traffic, Window

_REFRESH_PER_SECOND = 4
_HEALTH_SECONDS = 1.0


class LiveView:
    """What is known of the running demo, for the view."""

    def __init__(self, components: tuple[Component, ...], hints: Hints) -> None:
        self.window = Window()
        self.down: frozenset[str] = frozenset()
        self.findings = Findings()
        self._components = components
        self._hints = hints
        self._started = time.monotonic()

    def state(self) -> State:
        """Everything to show now."""
        now = time.monotonic()
        rows = self.window.rows(now)
        return State(now - self._started, rows, self._components, self.down, self.findings, self._hints)

    async def watch_health(self, processes: Processes, monitoring: str) -> None:
        """Keeps ``down`` and ``findings`` up to date, until cancelled."""
        timeout = aiohttp.ClientTimeout(total=_HEALTH_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                ready = await asyncio.gather(*(is_ready(session, each.ready_url) for each in self._components))
                pairs = zip(self._components, ready, strict=True)
                self.down = frozenset(component.name for component, up in pairs if not up)
                with suppress(aiohttp.ClientError, TimeoutError):  # it is shown as down
                    self.findings = await ask(session, monitoring)
                processes.bound_logs()
                await asyncio.sleep(_HEALTH_SECONDS)


async def show(
    shop: Shop, components: tuple[Component, ...], processes: Processes, console: Console, hints: Hints
) -> NoReturn:
    """Drives traffic and shows it until cancelled."""
    view = LiveView(components, hints)
    traffic = Traffic((shop.visitor(None), shop.visitor("jason")), view.window)
    async with asyncio.TaskGroup() as group:
        group.create_task(traffic.run())
        group.create_task(view.watch_health(processes, shop.plan.monitoring))
        if shop.plan.ca_dir is not None:
            group.create_task(keep_trying(shop, view.window))
        if not console.is_terminal:
            console.print(f"open   {opening(hints)}", highlight=False, soft_wrap=True)
        await (_draw if console.is_terminal else _print_lines)(view.state, console)
    raise AssertionError("the view ends by being cancelled")


async def _draw(state: Callable[[], State], console: Console) -> NoReturn:
    with Live(console=console, refresh_per_second=_REFRESH_PER_SECOND, auto_refresh=False) as display:
        while True:
            display.update(render(state()), refresh=True)
            await asyncio.sleep(1 / _REFRESH_PER_SECOND)


async def _print_lines(state: Callable[[], State], console: Console) -> NoReturn:
    while True:
        await asyncio.sleep(1)
        console.print(line(state()), highlight=False, soft_wrap=True)


def hints_for(shop: Shop, logs: Path) -> Hints:
    """What the user can do, with paths as short as they can be from here."""
    page = f"{shop.visitor(None).url}/productpage"
    return Hints(page, _from_here(shop.plan.config / "virtual-service-reviews.yaml"), _from_here(shop.plan.steps), logs)


def _from_here(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
