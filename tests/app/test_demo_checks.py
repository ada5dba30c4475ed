"""The demo's probes and expectations, against a shop whose answers the test decides."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pytest
from aiohttp import web

from examples.bookinfo.services.html import render
from examples.bookinfo.services.shapes import Details, Failure, RatingsStatus, Reason, Review, Reviews
from examples.bookinfo.topology import GATEWAY, STEPS, STEPS_DIR, WORKLOADS
from xds.app.demo.check import Outcome, perform
from xds.app.demo.expectations import (
    ExpectationError,
    Holds,
    all_answered_by,
    gateway_answers,
    page_shows,
    ratings_answer,
    ratings_delayed,
    reviews_given_up,
    split,
)
from xds.app.demo.plan import Plan
from xds.app.demo.probes import (
    HANG_SECONDS,
    Probe,
    answered_by,
    gateway_opens,
    live_at,
    ratings_hang,
    share_of_at_least,
    some_answered_by,
    stars_fail_with,
)
from xds.app.demo.shop import Shop, new_session
from xds.app.demo.steps import CHECKS
from xds.app.demo.strict import STRICT_STEPS

PAGE_IP, REVIEWS_IP, GATEWAY_IP = "127.22.8.1", "127.22.8.2", "127.22.8.3"
FAILURE = Failure(reason=Reason.STATUS, code=500, message="ratings answered 500")
DETAILS = Details(
    id=0, version="v1", instance="d", title="t", author="a", year=1, publisher="p", pages=1, language="English"
)
COLORS = {"v1": None, "v2": "black", "v3": "red"}


def reviews_of(version: str, failure: Failure | None = None) -> Reviews:
    status = RatingsStatus(status="error", error=failure) if failure else RatingsStatus(status="ok")
    color = COLORS[version]
    stars = 5 if color and not failure else None
    review = Review(reviewer="mate", text="fine", stars=stars)
    return Reviews.model_validate(
        {"id": 0, "version": version, "instance": f"reviews-{version}", "star_color": color, "ratings": status}
        | {"reviews": (review,)}
    )


@dataclass
class FakeShop:
    """What the shop's parts answer. version: of reviews, by user."""

    version: Callable[[str | None], str] = lambda _user: "v1"
    failure: Failure | None = None
    reviews_seconds: float = 0.0
    ratings_status: int = 200
    ratings_seconds: float = 0.0
    gateway_paths: tuple[str, ...] = ()

    def reviews(self, request: web.Request) -> Reviews:
        return reviews_of(self.version(request.headers.get("end-user")), self.failure)

    async def api(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self.reviews_seconds)
        if self.reviews_seconds:
            return web.json_response(
                {"product": 0, "error": {"reason": "timeout", "code": 504, "message": "late"}}, status=504
            )
        return web.json_response({"product": 0, "reviews": self.reviews(request).model_dump()})

    async def page(self, request: web.Request) -> web.Response:
        text = render("productpage-v1", "v1", request.headers.get("end-user"), DETAILS, self.reviews(request))
        return web.Response(text=text, content_type="text/html")

    async def ratings(self, request: web.BaseRequest) -> web.Response:
        assert request.headers["Host"] == "ratings:9080"
        await asyncio.sleep(self.ratings_seconds)
        return web.Response(status=self.ratings_status)

    async def gateway(self, request: web.BaseRequest) -> web.Response:
        return web.Response(status=200 if request.path in self.gateway_paths else 404)


@pytest.fixture
async def fake() -> AsyncIterator[FakeShop]:
    fake = FakeShop()
    app = web.Application()
    app.router.add_get("/api/v1/products/0/reviews", fake.api)
    app.router.add_get("/productpage", fake.page)
    runners = (
        (web.AppRunner(app, shutdown_timeout=0.1), PAGE_IP, 9080),
        (web.ServerRunner(web.Server(fake.ratings), shutdown_timeout=0.1), REVIEWS_IP, 15080),
        (web.ServerRunner(web.Server(fake.gateway), shutdown_timeout=0.1), GATEWAY_IP, 8080),
    )
    for runner, host, port in runners:
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
    yield fake
    for runner, _, _ in runners:
        await runner.cleanup()


@pytest.fixture
async def shop(fake: FakeShop, tmp_path: Path) -> AsyncIterator[Shop]:
    addresses = {"productpage-v1": PAGE_IP, "reviews-v2": REVIEWS_IP}
    workloads = tuple(replace(each, ip=addresses.get(each.name, each.ip)) for each in WORKLOADS)
    plan = Plan(tmp_path / "envoy", config=tmp_path, workloads=workloads, gateway=replace(GATEWAY, ip=GATEWAY_IP))
    async with new_session() as session:
        yield Shop(session, plan)


async def seen(holds: Holds, shop: Shop) -> str:
    """What the expectation complains of."""
    with pytest.raises(ExpectationError) as raised:
        await holds(shop)
    return str(raised.value)


def every(number: int, version: str, otherwise: str) -> Callable[[str | None], str]:
    """Answers ``version`` to each ``number``-th request."""
    requests = count(1)
    return lambda _user: version if next(requests) % number == 0 else otherwise


async def test_one_wrong_answer_among_many_is_noticed(fake: FakeShop, shop: Shop) -> None:
    await all_answered_by("jason", "v1")(shop)
    fake.version = every(40, "v3", otherwise="v1")

    assert await seen(all_answered_by("jason", "v1"), shop) == (
        "expected reviews v1 to answer jason each time; saw v1 97.5%, v3 2.5%"
    )


async def test_a_failed_answer_is_noticed(fake: FakeShop, shop: Shop) -> None:
    fake.reviews_seconds = 0.01

    assert "saw error '504 late' 100.0%" in await seen(all_answered_by(None, "v1"), shop)


@pytest.mark.parametrize(("number", "plausible"), [(10, True), (5, False), (40, False)])
async def test_a_split_must_be_near_its_weights(fake: FakeShop, shop: Shop, number: int, plausible: bool) -> None:
    fake.version = every(number, "v3", otherwise="v1")
    holds = split({"v1": 0.9, "v3": 0.1})

    if plausible:
        await holds(shop)
    else:
        assert (await seen(holds, shop)).startswith("expected reviews to be split v1 90%, v3 10%; saw v1")


async def test_a_split_has_no_other_versions(fake: FakeShop, shop: Shop) -> None:
    fake.version = every(300, "v2", otherwise="v1")

    assert "v2 0.3%" in await seen(split({"v1": 1.0}), shop)


@pytest.mark.parametrize(("version", "stars"), [("v1", None), ("v2", "black"), ("v3", "red")])
async def test_the_page_is_read_for_stars(fake: FakeShop, shop: Shop, version: str, stars: str | None) -> None:
    fake.version = lambda _user: version
    await page_shows("jason", stars)(shop)

    wrong = "red" if stars != "red" else None
    assert "status 200" in await seen(page_shows("jason", wrong), shop)
    fake.failure = FAILURE
    assert "a part that is not available" in await seen(page_shows("jason", None), shop)


async def test_a_delay_must_be_as_long_as_configured_and_end_well(fake: FakeShop, shop: Shop) -> None:
    fake.ratings_seconds = 0.3
    await ratings_delayed("reviews-v2", "jason", 0.25)(shop)

    assert re.search(r"saw 200 after 0\.3", await seen(ratings_delayed("reviews-v2", "jason", 0.5), shop))
    fake.ratings_status = 503
    assert "saw 503" in await seen(ratings_delayed("reviews-v2", "jason", 0.25), shop)


async def test_giving_up_takes_its_time(fake: FakeShop, shop: Shop) -> None:
    fake.reviews_seconds = 0.2
    await reviews_given_up("jason", 0.2)(shop)

    assert "saw 504 after 0.2" in await seen(reviews_given_up("jason", 1.0), shop)
    fake.reviews_seconds = 0.0
    assert "saw 200" in await seen(reviews_given_up("jason", 0.0), shop)


async def test_ratings_answer_at_once_with_a_status(fake: FakeShop, shop: Shop) -> None:
    fake.ratings_status = 500
    await ratings_answer("reviews-v2", "jason", 500, within=1.0)(shop)

    assert "saw 500" in await seen(ratings_answer("reviews-v2", "jason", 200, within=1.0), shop)
    assert "saw 500" in await seen(ratings_answer("reviews-v2", "jason", 500, within=0.0), shop)


async def test_the_gateway_answers_what_it_routes(fake: FakeShop, shop: Shop) -> None:
    fake.gateway_paths = ("/productpage",)
    await gateway_answers("/productpage", 200)(shop)
    await gateway_answers("/details/0", 404)(shop)

    assert "the gateway to answer /details/0 with 200; saw 404" in await seen(gateway_answers("/details/0", 200), shop)


async def shown_after(probe: Probe, shop: Shop, change: Callable[[], None], seconds: float = 0.2) -> float:
    """Changes the shop a while after the probe began to ask; returns how long after that it was noticed."""
    started = time.monotonic()
    asking = asyncio.ensure_future(live_at(probe, shop, 5.0))
    await asyncio.sleep(seconds)
    assert not asking.done()
    change()
    shown = await asking
    assert shown is not None
    return shown - started - seconds


async def test_a_change_of_version_is_noticed_at_once(fake: FakeShop, shop: Shop) -> None:
    def change() -> None:
        fake.version = lambda user: "v2" if user == "jason" else "v1"

    assert -0.01 < await shown_after(answered_by("jason", "v2"), shop, change) < 0.2


async def test_a_version_that_answers_rarely_is_noticed_soon(fake: FakeShop, shop: Shop) -> None:
    def change() -> None:
        fake.version = every(10, "v3", otherwise="v1")

    assert -0.1 < await shown_after(some_answered_by("v3"), shop, change) < 0.4


async def test_a_change_of_shares_is_noticed(fake: FakeShop, shop: Shop) -> None:
    fake.version = every(10, "v3", otherwise="v1")

    def change() -> None:
        fake.version = every(2, "v3", otherwise="v1")

    assert -0.3 < await shown_after(share_of_at_least("v3", 0.35), shop, change) < 0.8


async def test_a_delay_is_noticed_by_the_request_that_hangs(fake: FakeShop, shop: Shop) -> None:
    def change() -> None:
        fake.ratings_seconds = 3.0

    assert -0.05 < await shown_after(ratings_hang("reviews-v2", "jason"), shop, change) < HANG_SECONDS


async def test_failing_stars_are_noticed_though_earlier_requests_hang(fake: FakeShop, shop: Shop) -> None:
    fake.reviews_seconds = 3.0

    def change() -> None:
        fake.reviews_seconds, fake.failure = 0.0, FAILURE

    assert -0.05 < await shown_after(stars_fail_with("jason", 500), shop, change) < 0.2


async def test_what_is_never_shown_ends_after_the_given_time(shop: Shop) -> None:
    started = time.monotonic()

    assert await live_at(gateway_opens("/productpage"), shop, 0.2) is None
    assert 0.2 <= time.monotonic() - started < 0.5


async def test_a_probe_that_is_wrong_itself_is_not_taken_for_one_that_shows_nothing(shop: Shop) -> None:
    async def ask(_shop: Shop) -> float | None:
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup) as raised:
        await live_at(Probe(ask), shop, 1.0)
    assert raised.group_contains(ZeroDivisionError)


async def test_a_step_copies_its_files_and_is_measured(fake: FakeShop, shop: Shop) -> None:
    file = shop.plan.config / "virtual-service-reviews.yaml"
    fake.version = lambda user: "v2" if user == "jason" and file.exists() else "v1"

    outcome = await perform(STEPS[1], shop)

    assert (outcome.problem, file.read_bytes()) == ("", (STEPS_DIR / STEPS[1].name / file.name).read_bytes())
    assert outcome.live_after is not None
    assert 0 < outcome.live_after < 0.3
    assert re.fullmatch(r"ok   02 jason to reviews v2, everyone else to v1 ... live after 0\.\d\d s", str(outcome))


async def test_a_step_without_effect_fails_and_says_what_was_seen(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xds.app.demo.check._PATIENCE_SECONDS", 0.2)

    outcome = await perform(STEPS[1], shop)

    assert outcome.live_after is None
    assert str(outcome).startswith(
        "FAIL 02 jason to reviews v2, everyone else to v1 ... not live after 0.2 s: expected"
    )
    assert "saw v1 100.0%" in outcome.problem


async def test_a_step_that_is_live_too_late_fails(fake: FakeShop, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xds.app.demo.check.LIVE_SECONDS", 0.1)
    live = time.monotonic() + 0.8
    fake.version = lambda user: "v2" if user == "jason" and time.monotonic() > live else "v1"

    outcome = await perform(STEPS[1], shop)

    assert outcome.problem.startswith("expected to be live within 0.1 s; took")


async def test_a_step_that_changes_nothing_says_so(shop: Shop) -> None:
    outcome = await perform(STEPS[0], shop)

    assert str(outcome) == "ok   01 every request to reviews v1 ... in force from the start"


def test_every_step_of_the_example_has_checks() -> None:
    assert list(CHECKS) == [step.name for step in (*STEPS, *STRICT_STEPS)]
    assert all(checks.probes and checks.holds for checks in CHECKS.values())


def test_an_outcome_with_a_problem_is_a_failure() -> None:
    outcome = Outcome(STEPS[6], 0.2, "expected this; saw that")

    assert str(outcome) == "FAIL 07 ratings answered with 500 for jason ... expected this; saw that"
