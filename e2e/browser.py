"""A real browser without a window, for what only a person who looks at a page would notice."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from examples.bookinfo.topology import REPOSITORY

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_QUIET = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
"""It shows this machine's pages alone: it needs no sandbox, which root cannot have, and has nobody else to ask."""

_GIVEN_UP = "net::ERR_ABORTED"

PHONE_PIXELS = 360


def chromium() -> str:
    """The program's path: that of the variable CHROMIUM, or the one that is installed. Fails the test without one."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.fail(
            "Chromium is not installed, in which this test looks at pages: apt-get install --no-install-recommends "
            "chromium libatomic1, or set CHROMIUM to the path of one",
            pytrace=False,
        )
    return found


def screenshots() -> Path:
    """The folder in which pictures are kept: that of the variable PILOTHOUSE_SCREENSHOTS, else build/screenshots."""
    folder = Path(os.environ.get("PILOTHOUSE_SCREENSHOTS") or REPOSITORY / "build" / "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Browser]:
    """Chromium, running. folder: for what it writes while it does."""
    program = chromium()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TMPDIR", str(folder))
        async with async_playwright() as playwright:
            running = await playwright.chromium.launch(executable_path=program, args=_QUIET)
            try:
                yield running
            finally:
                await running.close()


class Visitor:
    """Somebody at a browser of his own, which runs no scripts. complaints: what it has refused, or not been given."""

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self._context = context
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("requestfailed", lambda request: self._note(request.url, request.failure or ""))
        page.on("response", lambda answer: self._note(answer.url, str(answer.status) if answer.status >= 400 else ""))

    def _note(self, url: str, failure: str) -> None:
        """Whoever leaves a page gives up what of it he has not got yet."""
        if failure not in ("", _GIVEN_UP):
            self.complaints.append(f"{url}: {failure}")

    async def sign_in(self, name: str) -> None:
        """By the page's form."""
        await self.page.get_by_label("User name").fill(name)
        await self.page.get_by_role("button", name="Sign in").click()

    async def picture(self, name: str) -> None:
        """Keeps what is seen of the whole page."""
        await self.page.screenshot(path=screenshots() / f"{name}.png", full_page=True)


@asynccontextmanager
async def visitor(running: Browser, width: int = 900) -> AsyncIterator[Visitor]:
    """Somebody new, with no cookies. width: of the screen, in pixels."""
    context = await running.new_context(java_script_enabled=False, viewport={"width": width, "height": 800})
    try:
        yield Visitor(context, await context.new_page())
    finally:
        await context.close()
