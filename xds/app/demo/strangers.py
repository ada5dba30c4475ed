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
"""In the place of the version of who answered."""

_PAUSE_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True)
class Stranger:
    """who, whom: as the table names them. turned_away: whether an answer is what he is to get."""

    who: str
    whom: str
    ask: Callable[[Shop], Awaitable[Answer]]
    turned_away: Callable[[Answer], bool]


STRANGERS: Final = (
    Stranger(
        "without identity",
        "reviews-v1",
        lambda shop: shop.past_the_gateway("reviews-v1", "/reviews/0"),
        lambda answer: answer.status == 0,
    ),
)


async def keep_trying(shop: Shop, window: Window) -> NoReturn:
    """Puts what becomes of each attempt into the window, until cancelled."""
    while True:
        for stranger in STRANGERS:
            answer = await stranger.ask(shop)
            refused = stranger.turned_away(answer)
            error = "" if refused else f"answered {answer.status}"
            window.add(
                Sample(time.monotonic(), stranger.who, stranger.whom, REFUSED if refused else "", error, answer.seconds)
            )
        await asyncio.sleep(_PAUSE_SECONDS)
