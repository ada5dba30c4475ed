"""Keeps what is known of the modules that are wanted up to date: fetches, tries again, looks whether they changed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

import aiohttp
import structlog

from xds.model.extensions import Module, ModuleFailure, ModuleReference, Modules, PullPolicy
from xds.sources.following import Following, Pace
from xds.sources.modules.cache import ModuleCache
from xds.sources.modules.checks import ModuleError
from xds.sources.modules.download import download
from xds.sources.modules.local import read_local, stamp

_AT_ONCE: Final = 4
PACE: Final = Pace()

_log = structlog.get_logger("xds.sources.modules")


class ModuleSource:
    """Fetches in the background; nobody waits for it. `want` says what, and `run` does it. For use in one thread."""

    def __init__(
        self,
        cache: ModuleCache,
        pace: Pace = PACE,
        chance: Callable[[], float] = random.random,
        look: float = 1.0,
    ) -> None:
        """look: the seconds between looks at a module on this machine."""
        self._cache = cache
        self._pace = pace
        self._chance = chance
        self._look = look
        self._unkept: set[ModuleReference] = set()
        self._following = Following(self._follow, _same)
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    def want(self, references: Iterable[ModuleReference]) -> None:
        """These are needed from now on, and no others."""
        self._following.want(references)

    async def run(self, tell: Callable[[Modules], None]) -> None:
        """For ever. tell: is given all that is known of what is wanted, whenever that changed."""
        await self._following.run(tell)

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
            self._following.learn(reference, module)
            if seen is None and reference.pull_policy is PullPolicy.IF_NOT_PRESENT:
                await self._until_kept(reference, module)
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
        if await asyncio.to_thread(self._cache.put, reference, module):
            self._unkept.discard(reference)
        else:
            self._unkept.add(reference)
        return module

    async def _until_kept(self, reference: ModuleReference, module: Module) -> None:
        """What is fetched once has to be there at the next start: when its disk is no longer full, say."""
        while reference in self._unkept:
            await asyncio.sleep(self._pace.again)
            if await asyncio.to_thread(self._cache.put, reference, module):
                self._unkept.discard(reference)

    async def _rest(self, reference: ModuleReference, seen: tuple[int, ...] | None, seconds: float | None) -> None:
        """For so long, or for ever, but only until a module on this machine looks different."""
        clock = asyncio.get_running_loop().time
        until = clock() + seconds if seconds is not None else None
        if seen is None:
            await asyncio.sleep(seconds or self._pace.again)
            return
        while until is None or clock() < until:
            await asyncio.sleep(self._look)
            if await asyncio.to_thread(stamp, reference) != seen:
                return

    async def _failed(self, reference: ModuleReference, error: ModuleError) -> None:
        """What there was stays. After a restart that is what the cache has."""
        before = self._following.known(reference)
        if not isinstance(before, Module):
            before = await asyncio.to_thread(self._cache.get, reference)
        now = ModuleFailure(str(error)) if before is None else replace(before, remark=str(error))
        self._following.learn(reference, now)


def _same(before: Module | ModuleFailure, now: Module | ModuleFailure) -> bool:
    if isinstance(before, Module) and isinstance(now, Module):
        return (before.sha256, before.remark) == (now.sha256, now.remark)
    return before == now
