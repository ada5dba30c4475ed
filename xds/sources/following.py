"""Keeps what is known of things elsewhere up to date, each by itself, as long as it is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

import aiohttp

R = TypeVar("R", bound=Hashable)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pace:
    """In seconds. retry: after the first failure, doubled with each up to retry_limit. again: between fetches of what
    is to be fetched anew."""

    retry: float = 1.0
    retry_limit: float = 60.0
    again: float = 300.0

    def after(self, failures: int, chance: float) -> float:
        """How long to wait after so many failures in a row. chance: 0 to 1, so that not everyone asks at once."""
        return min(self.retry_limit, self.retry * 2.0 ** min(failures - 1, 16)) * (0.75 + chance / 2)


Follow: TypeAlias = Callable[[R, aiohttp.ClientSession], Awaitable[None]]


class Following(Generic[R, T]):
    """What is known, by reference. For use in one thread.

    follow: learns of one thing until nothing more is to be expected, and tells by `learn`. same: whether two states of
    knowledge are worth one telling.
    """

    def __init__(self, follow: Follow[R], same: Callable[[T, T], bool]) -> None:
        self._follow = follow
        self._same = same
        self._known: dict[R, T] = {}
        self._wanted: frozenset[R] = frozenset()
        self._news = asyncio.Event()
        self._wants = asyncio.Event()

    def want(self, references: Iterable[R]) -> None:
        """These are needed from now on, and no others."""
        wanted = frozenset(references)
        if wanted != self._wanted:
            self._wanted = wanted
            self._wants.set()

    def known(self, reference: R) -> T | None:
        """What was learned last."""
        return self._known.get(reference)

    def learn(self, reference: R, now: T) -> bool:
        """Something was found out. True if it is wanted, and new."""
        before = self._known.get(reference)
        if reference not in self._wanted or (before is not None and self._same(before, now)):
            return False
        self._known[reference] = now
        self._news.set()
        return True

    async def run(self, tell: Callable[[Mapping[R, T]], None]) -> None:
        """For ever. tell: is given all that is known of what is wanted, whenever that changed."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_all())
            while True:
                await self._news.wait()
                self._news.clear()
                tell(dict(self._known))

    async def _follow_all(self) -> None:
        """One task for each reference, as long as it is wanted. Where none ever is, there is no client either."""
        following: dict[R, asyncio.Task[None]] = {}
        await self._wants.wait()
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
            while True:
                for reference in following.keys() - self._wanted:
                    following.pop(reference).cancel()
                    if self._known.pop(reference, None) is not None:
                        self._news.set()
                for reference in self._wanted - following.keys():
                    following[reference] = tasks.create_task(self._run(reference, session))
                await self._wants.wait()
                self._wants.clear()

    async def _run(self, reference: R, session: aiohttp.ClientSession) -> None:
        await self._follow(reference, session)
