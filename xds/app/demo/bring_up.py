"""Starts the components of a plan and waits until each is of use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Protocol

import aiohttp

from xds.app.demo.errors import DemoError, first_of
from xds.app.demo.plan import Component, Kind
from xds.app.demo.ports import require_free
from xds.app.demo.processes import Child, Processes, ended

READY_SECONDS = 30.0
"""How long a component may take, on a slow machine, to become ready."""

_POLL_SECONDS = 0.05
_ANSWER_SECONDS = 2.0


class Progress(Protocol):
    """Is told how the demo comes up."""

    def starting(self, component: Component) -> None: ...

    def ready(self, component: Component, seconds: float) -> None: ...


async def bring_up(components: Sequence[Component], processes: Processes, progress: Progress) -> None:
    """Starts all components and returns when all are ready.

    The proxies wait for the control plane: an Envoy that finds none retries after a pause that it chooses. Raises
    DemoError if an address is taken, a process ends or does not become ready.
    """
    require_free(address for component in components for address in component.addresses)
    control_plane, services, proxies = (_of_kind(components, kind) for kind in Kind)
    timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
            starter = _Starter(processes, progress, session)
            serving = group.create_task(starter.start(control_plane))
            group.create_task(starter.start(services))
            prepared = group.create_task(asyncio.to_thread(_prepare, components))
            await serving
            await prepared
            await starter.start(proxies)
    except ExceptionGroup as errors:
        raise first_of(errors) from errors


def _of_kind(components: Iterable[Component], kind: Kind) -> tuple[Component, ...]:
    return tuple(component for component in components if component.kind is kind)


def _prepare(components: Iterable[Component]) -> None:
    for component in components:
        if component.prepare:
            component.prepare()


class _Starter:
    def __init__(self, processes: Processes, progress: Progress, session: aiohttp.ClientSession) -> None:
        self._processes = processes
        self._progress = progress
        self._session = session

    async def start(self, components: Iterable[Component]) -> None:
        """Starts components, in order, and waits until all of them are ready."""
        async with asyncio.TaskGroup() as group:
            for component in components:
                self._progress.starting(component)
                child = await self._processes.start(component.command)
                group.create_task(self._await_ready(component, child))

    async def _await_ready(self, component: Component, child: Child) -> None:
        seconds = await await_ready(self._session, component.ready_url, child)
        self._progress.ready(component, seconds)


async def await_ready(session: aiohttp.ClientSession, url: str, child: Child) -> float:
    """Waits until ``url`` answers 200; returns how many seconds that took.

    Raises ProcessEndedError if the child that is to answer ends, DemoError if it takes too long.
    """
    started = time.monotonic()
    while not await is_ready(session, url):
        if not child.running:
            raise ended(child)
        if time.monotonic() - started > READY_SECONDS:
            raise DemoError(f"{child.command.name} is not ready after {READY_SECONDS:g} s:\n{child.tail()}")
        await asyncio.sleep(_POLL_SECONDS)
    return time.monotonic() - started


async def is_ready(session: aiohttp.ClientSession, url: str) -> bool:
    """Whether ``url`` answers 200."""
    try:
        async with session.get(url) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False
