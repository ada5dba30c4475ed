"""What must hold once a step is live, asked with enough requests to be sure."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from math import sqrt

from xds.app.demo.shop import Answer, Shop, many
from xds.app.demo.strangers import Stranger

REQUESTS = 40
SPLIT_REQUESTS = 600
FEW = 5
_LOG_SECONDS = 5.0
SIGMAS = 4.5
"""A split that is as configured is outside of this once in 100,000 times."""

TOLERANCE_SECONDS = 1.0


class ExpectationError(Exception):
    """Something does not hold. The message says what was expected and what was seen."""

    def __init__(self, expected: str, seen: str) -> None:
        super().__init__(f"expected {expected}; saw {seen}")


Holds = Callable[[Shop], Awaitable[None]]
"""Raises `ExpectationError` if it does not hold."""


def all_answered_by(user: str | None, version: str) -> Holds:
    """Every request of ``user`` for reviews is answered by ``version``."""

    async def holds(shop: Shop) -> None:
        answers = await many(shop.visitor(user), REQUESTS)
        if any(answer.version != version for answer in answers):
            raise ExpectationError(f"reviews {version} to answer {user or 'everyone'} each time", _summary(answers))

    return holds


def split(shares: Mapping[str, float]) -> Holds:
    """Requests for reviews are answered by these versions, in these shares, and by no others."""

    async def holds(shop: Shop) -> None:
        answers = await many(shop.visitor(None), SPLIT_REQUESTS)
        seen = Counter(answer.version for answer in answers)
        others = seen.keys() - shares.keys()
        if others or not all(_plausible(seen[version], share, len(answers)) for version, share in shares.items()):
            expected = ", ".join(f"{version} {share:.0%}" for version, share in shares.items())
            raise ExpectationError(f"reviews to be split {expected}", _summary(answers))

    return holds


def page_shows(user: str | None, stars: str | None) -> Holds:
    """The page in HTML has stars of this colour, or none, and nothing on it failed."""

    async def holds(shop: Shop) -> None:
        answer = await shop.visitor(user).get("/productpage")
        colors = {color for color in ("black", "red") if f'class="stars {color}"' in answer.body}
        if not answer.ok or "not available" in answer.body or colors != ({stars} if stars else set()):
            seen = f"status {answer.status}, stars {sorted(colors) or None}, {_complaint(answer)}"
            raise ExpectationError(f"a page with {stars or 'no'} stars for {user or 'everyone'}", seen)

    return holds


def ratings_delayed(workload: str, user: str | None, seconds: float) -> Holds:
    """``workload`` gets its answer from ratings ``seconds`` late."""

    async def holds(shop: Shop) -> None:
        answer = await shop.ratings_from(workload, user)
        if not answer.ok or not 0 <= answer.seconds - seconds < TOLERANCE_SECONDS:
            raise ExpectationError(f"ratings to answer {user} with 200 after {seconds:g} s", _timed(answer))

    return holds


def reviews_given_up(user: str | None, seconds: float) -> Holds:
    """productpage gives up on reviews after ``seconds``."""

    async def holds(shop: Shop) -> None:
        answer = await shop.visitor(user).reviews()
        if answer.status != 504 or not 0 <= answer.seconds - seconds < TOLERANCE_SECONDS:
            raise ExpectationError(f"productpage to give up on reviews for {user} after {seconds:g} s", _timed(answer))

    return holds


def ratings_answer(workload: str, user: str | None, status: int, within: float) -> Holds:
    """``workload`` gets this status from ratings, without delay."""

    async def holds(shop: Shop) -> None:
        answer = await shop.ratings_from(workload, user)
        if answer.status != status or answer.seconds > within:
            raise ExpectationError(f"ratings to answer {user or 'everyone'} with {status} at once", _timed(answer))

    return holds


def gateway_answers(path: str, status: int) -> Holds:
    """The ingress gateway answers ``path`` with this status."""

    async def holds(shop: Shop) -> None:
        answer = await shop.gateway_visitor().get(path)
        if answer.status != status:
            raise ExpectationError(f"the gateway to answer {path} with {status}", _timed(answer))

    return holds


def all_plain_text_refused(workload: str) -> Holds:
    """Whoever has no identity gets no answer of the workload's sidecar, as often as he asks."""

    async def holds(shop: Shop) -> None:
        answers = [await shop.past_the_gateway(workload, "/health") for _ in range(FEW)]
        if any(answer.status for answer in answers):
            raise ExpectationError(f"{workload} to refuse plain text", _timed(answers[-1]))

    return holds


def callers_known_as(service_account: str) -> Holds:
    """The services know by a certificate who asks them: the page, and nobody else."""

    async def holds(shop: Shop) -> None:
        visitor = shop.visitor(None)
        for ask in (visitor.reviews, visitor.details, visitor.ratings):
            answer = await ask()
            if not answer.caller.endswith(f"/sa/{service_account}"):
                raise ExpectationError(f"the page to be known as {service_account}", answer.caller or _timed(answer))

    return holds


def all_turned_away(stranger: Stranger) -> Holds:
    """A stranger gets what he is to get, as often as he asks."""

    async def holds(shop: Shop) -> None:
        answers = [await stranger.ask(shop) for _ in range(FEW)]
        if any(answer.status != stranger.status for answer in answers):
            raise ExpectationError(
                f"{stranger.whom} to answer {stranger.who} with {stranger.status}", _timed(answers[-1])
            )

    return holds


def members_see_ratings() -> Holds:
    """Whoever shows a member's token gets the ratings."""

    async def holds(shop: Shop) -> None:
        answers = [await shop.visitor(None).ratings() for _ in range(FEW)]
        if any(not answer.version for answer in answers):
            raise ExpectationError("ratings for members", _timed(answers[-1]))

    return holds


def denial_is_explained(workload: str, policy: str) -> Holds:
    """The access log of a workload's sidecar says which policy has denied."""

    async def holds(shop: Shop) -> None:
        if shop.plan.logs is None:
            raise TypeError("this plan does not look into logs")
        log = shop.plan.logs / f"envoy-of-{workload}.log"
        deadline = time.monotonic() + _LOG_SECONDS
        while f"policy[{policy}]" not in log.read_text():
            if time.monotonic() > deadline:
                raise ExpectationError(f"the log of {workload} to name {policy}", log.read_text()[-300:] or "nothing")
            await asyncio.sleep(0.1)

    return holds


def _plausible(seen: int, share: float, requests: int) -> bool:
    return abs(seen - share * requests) <= SIGMAS * sqrt(requests * share * (1 - share))


def _summary(answers: list[Answer]) -> str:
    counts = Counter(answer.version or f"error {answer.error!r}" for answer in answers)
    return ", ".join(f"{what} {count / len(answers):.1%}" for what, count in counts.most_common())


def _timed(answer: Answer) -> str:
    return f"{answer.status} after {answer.seconds:.2f} s: {' '.join(answer.body.split())[:120]}"


def _complaint(answer: Answer) -> str:
    return "a part that is not available" if "not available" in answer.body else "all parts there"
