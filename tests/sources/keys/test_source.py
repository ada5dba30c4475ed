"""Keys are fetched in the background, tried again, fetched anew, and kept while nobody answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.sources.keys.kit import ONE, OTHER, reference
from tests.sources.modules.kit import serving
from xds.config.jwks import parse_jwks
from xds.model.request_authentication import KeySet, KeySets, KeysFailure, KeysReference
from xds.sources.following import Pace
from xds.sources.keys.cache import KeyCache
from xds.sources.keys.source import PACE, KeySource

FAST = Pace(retry=0.02, retry_limit=0.1, again=0.05)


class Watched:
    """A running source, what it told and what it counted."""

    def __init__(self, folder: Path) -> None:
        self.counts: Counter[bool] = Counter()
        self.source = KeySource(KeyCache(folder), self, FAST, chance=lambda: 0.5)
        self.changes: asyncio.Queue[KeySets] = asyncio.Queue()

    def fetched(self, *, good: bool) -> None:
        self.counts[good] += 1

    async def next(self) -> KeySets:
        async with asyncio.timeout(10):
            return await self.changes.get()

    async def until(self, wanted: KeysReference, jwks: bytes, remark: str = "") -> None:
        """Changes come, until the keys are these."""
        usable = parse_jwks(jwks.decode()).jwks
        while True:
            known = (await self.next()).get(wanted)
            if isinstance(known, KeySet) and known.jwks == usable and bool(known.remark) is bool(remark):
                assert remark in known.remark
                return


@asynccontextmanager
async def watching(folder: Path, *wanted: KeysReference) -> AsyncIterator[Watched]:
    watched = Watched(folder)
    watched.source.want(wanted)
    running = asyncio.create_task(watched.source.run(watched.changes.put_nowait))
    try:
        yield watched
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def test_keys_are_fetched_anew_as_often_as_istio_does() -> None:
    assert PACE.again == 20 * 60


async def test_a_failure_is_told_and_heals_and_keys_are_replaced(tmp_path: Path) -> None:
    async with serving() as server:
        wanted = reference(f"{server.url}/keys")
        async with watching(tmp_path, wanted) as watched:
            known = (await watched.next())[wanted]
            assert isinstance(known, KeysFailure)
            assert "answered 404" in known.reason
            for keys in (ONE, OTHER):
                server.answers["/keys"] = (200, keys)
                await watched.until(wanted, keys)
            assert watched.counts[False] >= 1
            assert watched.counts[True] >= 2


async def test_the_last_keys_stay_while_nobody_answers_and_over_a_restart(tmp_path: Path) -> None:
    async with serving() as server:
        wanted = reference(f"{server.url}/keys")
        server.answers["/keys"] = (200, ONE)
        async with watching(tmp_path, wanted) as watched:
            await watched.until(wanted, ONE)
            server.answers["/keys"] = (500, b"")
            await watched.until(wanted, ONE, remark="answered 500")
            server.answers["/keys"] = (200, b"{}")
            await watched.until(wanted, ONE, remark="of no use")
        async with watching(tmp_path, wanted) as watched:
            await watched.until(wanted, ONE)
            await watched.until(wanted, ONE, remark="of no use")


async def test_what_could_not_be_kept_is_kept_when_it_can(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.write_text("in its place, as if there were no room")
    async with serving() as server:
        wanted = reference(f"{server.url}/keys")
        server.answers["/keys"] = (200, ONE)
        async with watching(folder, wanted) as watched:
            await watched.until(wanted, ONE)
            folder.unlink()
            async with asyncio.timeout(10):
                while KeyCache(folder).get(wanted) is None:  # noqa: ASYNC110 - nobody tells of it
                    await asyncio.sleep(0.01)


async def test_one_that_never_answers_holds_up_no_other(tmp_path: Path) -> None:
    hangs = asyncio.Event()

    async def never(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hangs.wait()
        writer.close()

    slow = await asyncio.start_server(never, "127.0.0.1", 0)
    try:
        port = slow.sockets[0].getsockname()[1]
        stuck = [reference(f"http://127.0.0.1:{port}/{number}", seconds=60) for number in range(20)]
        async with serving() as server:
            server.answers["/keys"] = (200, ONE)
            wanted = reference(f"{server.url}/keys")
            async with watching(tmp_path, *stuck, wanted) as watched:
                await watched.until(wanted, ONE)
    finally:
        hangs.set()
        slow.close()


async def test_what_nobody_wants_any_more_is_forgotten(tmp_path: Path) -> None:
    async with serving() as server:
        server.answers["/a"] = server.answers["/b"] = (200, ONE)
        one, other = reference(f"{server.url}/a"), reference(f"{server.url}/b")
        async with watching(tmp_path, one) as watched:
            await watched.until(one, ONE)
            watched.source.want([other])
            while (known := await watched.next()).keys() != {other}:
                assert known.keys() <= {one, other}
