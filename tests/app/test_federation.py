"""Bundles of other trust domains: taken in, refreshed, and never lost for what cannot be had."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from aiohttp import web
from cryptography import x509

from tests.ca.kit import TRUST_DOMAIN, pem
from tests.ca.plugged import made
from xds.app import federation
from xds.app.errors import StartError
from xds.app.federation import Federation, FederationOption
from xds.ca.spiffe_bundle import MAX_BUNDLE, read_bundle

ONE, OTHER = made("one").certificate, made("other").certificate


class Heard:
    """Counts what it is told, and waits for more."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    def __call__(self) -> None:
        self.event.set()

    async def more(self) -> None:
        async with asyncio.timeout(20):
            await self.event.wait()
        self.event.clear()


def of(option: str, folder: Path, heard: Heard | None = None) -> Federation:
    made = Federation((FederationOption.parse(option),), (TRUST_DOMAIN,), folder, heard or Heard())
    made.start()
    return made


@asynccontextmanager
async def running(made: Federation) -> AsyncIterator[None]:
    task = asyncio.create_task(made.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def roots(made: Federation) -> list[x509.Certificate]:
    return [root for bundle in made.bundles for root in bundle.roots]


def reasons(made: Federation) -> list[str]:
    return [each.reason for each in made.findings()]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("other.example", "is not TRUST_DOMAIN=FILE"),
        ("other.example=", "is not TRUST_DOMAIN=FILE"),
        ("Other=file", "is not a trust domain"),
        ("other.example=http://other.example/bundle", "is in plain text"),
    ],
)
def test_options_that_are_none(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        FederationOption.parse(text)


@pytest.mark.parametrize(
    ("names", "reason"), [((TRUST_DOMAIN,), "our own"), (("old.example",), "our own"), (("a", "a"), "there twice")]
)
def test_a_trust_domain_is_another_one_and_there_once(tmp_path: Path, names: tuple[str, ...], reason: str) -> None:
    options = tuple(FederationOption(name, "file") for name in names)
    with pytest.raises(StartError, match=reason):
        Federation(options, (TRUST_DOMAIN, "old.example"), tmp_path, Heard())


async def test_a_file_is_read_again_and_a_bad_one_leaves_the_last_good(tmp_path: Path) -> None:
    file, heard = tmp_path / "bundle", Heard()
    made = of(f"other.example={file}", tmp_path / "ca", heard)
    assert "nobody of it is trusted" in reasons(made)[0]
    async with running(made):
        file.write_bytes(pem(ONE))
        await heard.more()
        assert (roots(made), reasons(made)) == ([ONE], [])
        file.write_text("nothing")
        await heard.more()
        assert roots(made) == [ONE]
        assert "what it was last stays: the bundle has no certificate" in reasons(made)[0]
        file.write_bytes(pem(OTHER))
        await heard.more()
        assert (roots(made), reasons(made)) == ([OTHER], [])
    file.unlink()
    again = of(f"other.example={file}", tmp_path / "ca")
    assert roots(again) == [OTHER]
    assert "what it was last stays" in reasons(again)[0]


async def test_a_url_is_asked_again_and_its_last_answer_outlives_a_restart(tmp_path: Path) -> None:
    answers: list[tuple[int, bytes]] = []

    async def answer(_: web.Request) -> web.Response:
        status, body = answers[0]
        return web.Response(status=status, body=body)

    application = web.Application()
    application.router.add_get("/bundle", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    option = f"other.example=http://127.0.0.1:{runner.addresses[0][1]}/bundle"
    heard, at_once = Heard(), timedelta(milliseconds=10)
    made = of(option, tmp_path / "ca", heard)
    assert (roots(made), reasons(made)) == ([], [])
    with patch.multiple(federation, LEAST=at_once, MOST=at_once):
        async with running(made):
            for answers[:], expected, reason in (
                ([(500, b"")], [], "answered 500"),
                ([(200, pem(ONE))], [ONE], ""),
                ([(200, b" " * (MAX_BUNDLE + 1))], [ONE], "is larger than"),
                ([(302, b"")], [ONE], "answered 302"),
                ([(200, pem(OTHER))], [OTHER], ""),
            ):
                await heard.more()
                while reason and reason not in "".join(reasons(made)):
                    await heard.more()
                assert roots(made) == expected
                assert bool(reasons(made)) is bool(reason)
    await runner.cleanup()
    again = of(option, tmp_path / "ca")
    assert (roots(again), reasons(again)) == ([OTHER], [])


def test_what_is_kept_is_for_its_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "bundle").write_bytes(pem(ONE))
    of(f"other.example={tmp_path}/bundle", tmp_path / "ca")
    (kept,) = (tmp_path / "ca" / "federated").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert read_bundle(kept.read_bytes(), "other.example").roots == (ONE,)
    assert json.loads(read_bundle(kept.read_bytes(), "other.example").jwks) == {"keys": []}
