"""Callers who are to be turned away under strict mutual TLS, and who keep trying while the demo is watched."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, NoReturn

from xds.app.demo.shop import Answer, Shop
from xds.app.demo.traffic import Sample, Window

REFUSED: Final = "refused"
"""Begins what is shown in the place of the version of who answered."""

_PAUSE_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True)
class Stranger:
    """who, whom: as the table names them. status: what he is to get; 0 for a connection that is cut."""

    who: str
    whom: str
    ask: Callable[[Shop], Awaitable[Answer]]
    status: int


def _forged(shop: Shop) -> Awaitable[Answer]:
    return shop.stranger(shop.plan.members.forged if shop.plan.members is not None else None).ratings()


WITHOUT_IDENTITY: Final = Stranger(
    "without identity", "reviews-v1", lambda shop: shop.past_the_gateway("reviews-v1", "/reviews/0"), 0
)
WITHOUT_TOKEN: Final = Stranger("without token", "ratings", lambda shop: shop.stranger(None).ratings(), 403)
FORGED_TOKEN: Final = Stranger("with a forged token", "ratings", _forged, 401)
AS_REVIEWS: Final = Stranger("as reviews-v1", "details", lambda shop: shop.asked_by("reviews-v1", "details", {}), 403)

STRANGERS: Final = (WITHOUT_IDENTITY, WITHOUT_TOKEN, FORGED_TOKEN, AS_REVIEWS)
"""Each for one of the things that make the mesh strict."""


async def keep_trying(shop: Shop, window: Window) -> NoReturn:
    """Puts what becomes of each attempt into the window, until cancelled."""
    while True:
        for stranger in STRANGERS:
            answer = await stranger.ask(shop)
            window.add(_sample(stranger, answer))
        await asyncio.sleep(_PAUSE_SECONDS)


def _sample(stranger: Stranger, answer: Answer) -> Sample:
    refused = answer.status == stranger.status
    shown = f"{REFUSED} {answer.status or ''}".rstrip() if refused else ""
    error = "" if refused else f"answered {answer.status}"
    return Sample(time.monotonic(), stranger.who, stranger.whom, shown, error, answer.seconds)
