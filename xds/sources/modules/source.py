"""Keeps what is known of the modules that are wanted up to date: fetches, tries again, looks whether they changed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

import aiohttp
import structlog

from xds.model.extensions import Module, ModuleFailure, ModuleReference, Modules, PullPolicy
from xds.sources.modules.cache import ModuleCache
from xds.sources.modules.checks import ModuleError
from xds.sources.modules.download import download
from xds.sources.modules.local import read_local, stamp

_AT_ONCE: Final = 4

_log = structlog.get_logger("xds.sources.modules")


@dataclass(frozen=True, slots=True)
class Pace:
    """In seconds. retry: after the first failure, doubled with each up to retry_limit. again: between fetches of what
    is always to be fetched. look: between looks at a module on this machine.
    """

    retry: float = 1.0
    retry_limit: float = 60.0
    again: float = 300.0
    look: float = 1.0

    def after(self, failures: int, chance: float) -> float:
        """How long to wait after so many failures in a row. chance: 0 to 1, so that not everyone asks at once."""
        return min(self.retry_limit, self.retry * 2.0 ** min(failures - 1, 16)) * (0.75 + chance / 2)


class ModuleSource:
    """Fetches in the background; nobody waits for it. `want` says what, and `run` does it. For use in one thread."""

    def __init__(self, cache: ModuleCache, pace: Pace = Pace(), chance: Callable[[], float] = random.random) -> None:
        self._cache = cache
        self._pace = pace
        self._chance = chance
        self._known: dict[ModuleReference, Module | ModuleFailure] = {}
        self._wanted: frozenset[ModuleReference] = frozenset()
        self._news = asyncio.Event()
        self._wants = asyncio.Event()
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    def want(self, references: Iterable[ModuleReference]) -> None:
        """These are needed from now on, and no others."""
        wanted = frozenset(references)
        if wanted != self._wanted:
            self._wanted = wanted
            self._wants.set()

    async def run(self, tell: Callable[[Modules], None]) -> None:
        """For ever. tell: is given all that is known of what is wanted, whenever that changed."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_all())
            while True:
                await self._news.wait()
                self._news.clear()
                tell(dict(self._known))

    async def _follow_all(self) -> None:
        """One task for each reference, as long as it is wanted. Where none ever is, there is no client either."""
        following: dict[ModuleReference, asyncio.Task[None]] = {}
        await self._wants.wait()
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
            while True:
                for reference in following.keys() - self._wanted:
                    following.pop(reference).cancel()
                    if self._known.pop(reference, None) is not None:
                        self._news.set()
                for reference in self._wanted - following.keys():
                    following[reference] = tasks.create_task(self._follow(reference, session))
                await self._wants.wait()
                self._wants.clear()

    async def _follow(self, reference: ModuleReference, session: aiohttp.ClientSession) -> None:
        """Until nothing more is to be expected: what is not on this machine may have to be fetched only once."""
        failures = 0
        while True:
            seen = await asyncio.to_thread(stamp, reference)
            try:
                async with self._at_once:
                    module = await self._guarded(reference, session)
            except ModuleError as error:
                failures += 1
                await self._failed(reference, error)
                await self._rest(reference, seen, self._pace.after(failures, self._chance()))
                continue
            failures = 0
            self._learn(reference, module)
            if seen is None and reference.pull_policy is PullPolicy.IF_NOT_PRESENT:
                return
            await self._rest(reference, seen, self._pace.again if seen is None else None)

    async def _guarded(self, reference: ModuleReference, session: aiohttp.ClientSession) -> Module:
        """A server can send anything: a defect of ours that it brings out must cost nothing but this module."""
        try:
            return await self._fetch(reference, session)
        except ModuleError:
            raise
        except Exception as error:
            _log.exception("a module could not be read", url=reference.url)
            raise ModuleError(f"what {reference.url} has could not be read: {error}") from error

    async def _fetch(self, reference: ModuleReference, session: aiohttp.ClientSession) -> Module:
        local = await asyncio.to_thread(read_local, reference)
        if local is not None:
            return local
        if reference.pull_policy is PullPolicy.IF_NOT_PRESENT:
            cached = await asyncio.to_thread(self._cache.get, reference)
            if cached is not None:
                return cached
        module = await download(reference, session)
        await asyncio.to_thread(self._cache.put, reference, module)
        return module

    async def _rest(self, reference: ModuleReference, seen: tuple[int, ...] | None, seconds: float | None) -> None:
        """For so long, or for ever, but only until a module on this machine looks different."""
        clock = asyncio.get_running_loop().time
        until = clock() + seconds if seconds is not None else None
        if seen is None:
            await asyncio.sleep(seconds or self._pace.again)
            return
        while until is None or clock() < until:
            await asyncio.sleep(self._pace.look)
            if await asyncio.to_thread(stamp, reference) != seen:
                return

    async def _failed(self, reference: ModuleReference, error: ModuleError) -> None:
        """What there was stays. After a restart that is what the cache has."""
        before = self._known.get(reference)
        if not isinstance(before, Module):
            before = await asyncio.to_thread(self._cache.get, reference)
        self._learn(reference, ModuleFailure(str(error)) if before is None else replace(before, remark=str(error)))

    def _learn(self, reference: ModuleReference, now: Module | ModuleFailure) -> None:
        if reference in self._wanted and not _same(self._known.get(reference), now):
            self._known[reference] = now
            self._news.set()


def _same(before: Module | ModuleFailure | None, now: Module | ModuleFailure) -> bool:
    if isinstance(before, Module) and isinstance(now, Module):
        return (before.sha256, before.remark) == (now.sha256, now.remark)
    return before == now
