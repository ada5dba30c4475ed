"""Questions that tell when a change has become live: cheap, asked again and again until they show it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from xds.app.demo.shop import Shop, many
from xds.app.demo.strangers import Stranger

Ask = Callable[[Shop], Awaitable[float | None]]
"""Returns when the request was sent, on `time.monotonic`, that showed the change; None if none did."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A question, and the seconds after which it is asked again. The last answer is not waited for: it may hang."""

    ask: Ask
    every: float = 0.025


HANG_SECONDS = 0.5
"""An answer that takes longer than this is a delayed one; without a fault it takes a hundredth."""

FEW = 16
SAMPLE = 40
"""Requests that tell a tenth from a half: 14 of 40 or more come out once in 50,000 times against 49 in 50."""


def answered_by(user: str | None, version: str) -> Probe:
    """One request for reviews is answered by ``version``."""

    async def ask(shop: Shop) -> float | None:
        answer = await shop.visitor(user).reviews()
        return answer.sent if answer.version == version else None

    return Probe(ask)


def some_answered_by(version: str) -> Probe:
    """A few of many requests for reviews are answered by ``version``: 200 a second, so that a tenth shows soon."""

    async def ask(shop: Shop) -> float | None:
        answers = await many(shop.visitor(None), FEW)
        return next((answer.sent for answer in answers if answer.version == version), None)

    return Probe(ask, every=FEW / 200)


def share_of_at_least(version: str, share: float) -> Probe:
    """At least ``share`` of a sample of requests for reviews are answered by ``version``."""

    async def ask(shop: Shop) -> float | None:
        answers = await many(shop.visitor(None), SAMPLE)
        count = sum(answer.version == version for answer in answers)
        return answers[-1].sent if count >= share * SAMPLE else None

    return Probe(ask, every=0.25)


def ratings_hang(workload: str, user: str | None) -> Probe:
    """A request of ``workload`` for ratings is not answered at once."""

    async def ask(shop: Shop) -> float | None:
        answer = await shop.ratings_from(workload, user, HANG_SECONDS)
        return answer.sent if answer.status == 0 and answer.seconds >= HANG_SECONDS else None

    return Probe(ask)


def stars_fail_with(user: str | None, code: int) -> Probe:
    """Reviews are answered, without stars: ratings failed with ``code``."""

    async def ask(shop: Shop) -> float | None:
        answer = await shop.visitor(user).reviews()
        reviews = answer.part and answer.part.reviews
        failure = reviews and reviews.ratings.error
        return answer.sent if failure and failure.code == code else None

    return Probe(ask)


def stars_are_there(user: str | None) -> Probe:
    """Reviews are answered with stars."""

    async def ask(shop: Shop) -> float | None:
        answer = await shop.visitor(user).reviews()
        reviews = answer.part and answer.part.reviews
        return answer.sent if reviews and reviews.ratings.status == "ok" else None

    return Probe(ask)


def gateway_opens(path: str) -> Probe:
    """The ingress gateway answers ``path`` with 200."""

    async def ask(shop: Shop) -> float | None:
        answer = await shop.gateway_visitor().get(path)
        return answer.sent if answer.ok else None

    return Probe(ask)


def plain_text_is_refused(workload: str) -> Probe:
    """Whoever has no identity gets no answer of the workload's sidecar."""

    async def ask(shop: Shop) -> float | None:
        answer = await shop.past_the_gateway(workload, "/health")
        return None if answer.status else answer.sent

    return Probe(ask)


def turned_away(stranger: Stranger) -> Probe:
    """A stranger gets what he is to get."""

    async def ask(shop: Shop) -> float | None:
        answer = await stranger.ask(shop)
        return answer.sent if answer.status == stranger.status else None

    return Probe(ask)


async def live_at(probe: Probe, shop: Shop, seconds: float) -> float | None:
    """Asks until it shows; returns when the request was sent that showed it, or None if none did within ``seconds``."""
    shown: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    asking = asyncio.ensure_future(_ask_again_and_again(probe, shop, shown))
    try:
        await asyncio.wait((shown, asking), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        asking.cancel()
        await asyncio.wait((asking,))
    if not asking.cancelled():
        asking.result()
    return shown.result() if shown.done() else None


async def _ask_again_and_again(probe: Probe, shop: Shop, shown: asyncio.Future[float]) -> None:
    async def ask() -> None:
        sent = await probe.ask(shop)
        if sent is not None and not shown.done():
            shown.set_result(sent)

    async with asyncio.TaskGroup() as group:
        while True:
            group.create_task(ask())
            await asyncio.sleep(probe.every)
