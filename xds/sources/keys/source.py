"""Keeps what is known of the keys that are wanted up to date: fetches, tries again, fetches anew.

There is never a key in the place of one that cannot be had: what was fetched last stays, and before that there is none.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from operator import eq
from typing import Final, Protocol

import aiohttp
import structlog

from xds.model.request_authentication import KeySet, KeySets, KeysFailure, KeysReference
from xds.sources.following import Following, Pace
from xds.sources.http import FetchError
from xds.sources.keys.cache import KeyCache
from xds.sources.keys.download import download

REFRESH_SECONDS: Final = 1200.0
"""As in Istio, 20 minutes."""

PACE: Final = Pace(again=REFRESH_SECONDS)

_log = structlog.get_logger("xds.sources.keys")


class Count(Protocol):
    """Is told of every attempt."""

    def fetched(self, *, good: bool) -> None:
        """Keys were had, or not."""


class KeySource:
    """Fetches in the background; nobody waits for it. `want` says what, and `run` does it. For use in one thread.

    chance: gives 0 to 1, so that not everyone asks at once.
    """

    def __init__(
        self, cache: KeyCache, count: Count, pace: Pace = PACE, chance: Callable[[], float] = random.random
    ) -> None:
        self._cache = cache
        self._count = count
        self._pace = pace
        self._chance = chance
        self._unkept: set[KeysReference] = set()
        self._following: Following[KeysReference, KeySet | KeysFailure] = Following(self._follow, eq)

    def want(self, references: Iterable[KeysReference]) -> None:
        """These are needed from now on, and no others."""
        self._following.want(references)

    async def run(self, tell: Callable[[KeySets], None]) -> None:
        """For ever. tell: is given all that is known of what is wanted, whenever that changed."""
        await self._following.run(tell)

    async def _follow(self, reference: KeysReference, session: aiohttp.ClientSession) -> None:
        """What is on disk holds until there is an answer: tokens of an issuer that is away go on being valid."""
        kept = await asyncio.to_thread(self._cache.get, reference)
        if kept is not None:
            self._following.learn(reference, kept)
        failures = 0
        while True:
            try:
                keys = await self._guarded(reference, session)
            except FetchError as error:
                failures += 1
                self._failed(reference, str(error))
                await asyncio.sleep(self._pace.after(failures, self._chance()))
                continue
            failures = 0
            await self._had(reference, keys)
            await asyncio.sleep(self._pace.again * (0.9 + self._chance() / 5))

    async def _guarded(self, reference: KeysReference, session: aiohttp.ClientSession) -> KeySet:
        """A server can send anything: a defect of ours that it brings out must cost nothing but these keys."""
        try:
            return await download(reference, session)
        except FetchError:
            raise
        except Exception as error:
            _log.exception("the keys of an issuer could not be read", issuer=reference.issuer)
            raise FetchError(f"the keys of {reference.issuer} could not be read: {error}") from error

    async def _had(self, reference: KeysReference, keys: KeySet) -> None:
        self._count.fetched(good=True)
        if self._following.learn(reference, keys):
            _log.info("keys of an issuer fetched", issuer=reference.issuer)
            self._unkept.add(reference)
        if reference in self._unkept and await asyncio.to_thread(self._cache.put, reference, keys):
            self._unkept.discard(reference)

    def _failed(self, reference: KeysReference, reason: str) -> None:
        """What there was stays."""
        self._count.fetched(good=False)
        before = self._following.known(reference)
        now = replace(before, remark=reason) if isinstance(before, KeySet) else KeysFailure(reason)
        if self._following.learn(reference, now):
            kept = isinstance(now, KeySet)
            _log.warning("the keys of an issuer cannot be had", issuer=reference.issuer, reason=reason, kept=kept)
