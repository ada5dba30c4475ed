"""The shop in a real browser: whose stars are of which colour, as they are drawn. Pictures are kept (`e2e.browser`)."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from e2e.browser import PHONE_PIXELS, Visitor, browser, visitor
from xds.app.demo.probes import live_at
from xds.app.demo.session import Running
from xds.app.demo.steps import CHECKS

pytestmark = pytest.mark.asyncio(loop_scope="session")

BLACK, RED = "rgb(0, 0, 0)", "rgb(198, 40, 40)"
COLORS = {"v1": set[str](), "v2": {BLACK}, "v3": {RED}}
"""By version of reviews, in which the stars are drawn."""

RELOADS = 5
_MANY_RELOADS = 60
"""Half of them lead elsewhere: that none does happens once in 10^18 runs."""

_LIVE_SECONDS = 20.0


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def chrome(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    async with browser(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def somebody(chrome: Browser) -> AsyncIterator[Visitor]:
    async with visitor(chrome) as somebody:
        yield somebody
        assert somebody.complaints == []


async def step(running: Running, name: str) -> None:
    """Makes a step of the demo, and waits until it is live."""
    shop = running.shop
    for file in (shop.plan.steps / name).iterdir():
        shutil.copyfile(file, shop.plan.config / file.name)
    for probe in CHECKS[name].probes:
        assert await live_at(probe, shop, _LIVE_SECONDS) is not None, name


async def open_page(somebody: Visitor, url: str) -> None:
    await somebody.page.goto(f"{url}/productpage")


async def version_of(somebody: Visitor) -> str:
    """Which version of reviews the page shows. Its badge, its instance and its stars have to say the same."""
    reviews = somebody.page.locator("#reviews")
    version = await reviews.get_attribute("data-version") or ""
    stars = await reviews.locator(".stars").all()
    drawn = {await each.evaluate("element => getComputedStyle(element).color") for each in stars}

    assert drawn == COLORS[version]
    assert await somebody.page.get_by_role("row", name="reviews", exact=False).get_by_text(f"reviews-{version}").count()
    return version


async def test_jason_sees_black_stars_however_often_he_looks_and_nobody_else_does(
    running: Running, chrome: Browser, somebody: Visitor
) -> None:
    await step(running, "02-jason-to-v2")
    url = running.shop.plan.front_door
    await open_page(somebody, url)
    assert await version_of(somebody) == "v1"

    await somebody.sign_in("jason")

    for _ in range(RELOADS):
        assert await version_of(somebody) == "v2"
        await somebody.page.reload()
    await somebody.picture("jason")
    assert await somebody.page.get_by_role("img", name="5 of 5 stars").count() == 1
    assert await somebody.page.get_by_role("img", name="4 of 5 stars").count() == 1
    async with visitor(chrome, PHONE_PIXELS) as other:
        await open_page(other, url)
        for _ in range(RELOADS):
            assert await version_of(other) == "v1"
            await other.page.reload()
        await other.picture("nobody-on-a-phone")
        assert await other.page.evaluate("document.documentElement.scrollWidth") == PHONE_PIXELS

    await somebody.page.get_by_role("link", name="Sign out").click()
    assert await version_of(somebody) == "v1"


async def test_under_weights_either_version_is_shown_whole(running: Running, somebody: Visitor) -> None:
    await step(running, "04-canary-50-50")
    await open_page(somebody, running.shop.plan.front_door)

    seen = {await version_of(somebody)}
    for _ in range(_MANY_RELOADS):
        if len(seen) > 1:
            break
        await somebody.page.reload()
        seen.add(await version_of(somebody))

    assert seen == {"v1", "v3"}


async def test_all_see_red_stars_when_all_are_led_to_v3(running: Running, somebody: Visitor) -> None:
    await step(running, "05-all-v3")
    await open_page(somebody, running.shop.plan.front_door)

    for name in ("jason", "ishmael"):
        await somebody.sign_in(name)
        assert await version_of(somebody) == "v3"
        await somebody.picture(f"{name}-v3")
        await somebody.page.get_by_role("link", name="Sign out").click()


async def test_jason_is_told_that_ratings_fail_and_keeps_the_reviews(running: Running, somebody: Visitor) -> None:
    await step(running, "07-jason-abort")
    await open_page(somebody, running.shop.plan.front_door)
    await somebody.sign_in("jason")
    await somebody.picture("ratings-fail")

    reviews = somebody.page.locator("#reviews")

    assert await reviews.get_by_text("Ratings are not available right now.").count() == 1
    assert await reviews.locator("blockquote").count() == 2
    assert await reviews.locator(".stars").count() == 0


async def test_the_gateway_lets_everything_through_that_the_page_needs(running: Running, somebody: Visitor) -> None:
    await step(running, "08-ingress")
    await open_page(somebody, running.shop.plan.gateway.url)

    await somebody.sign_in("jason")

    assert await version_of(somebody) == "v2"
