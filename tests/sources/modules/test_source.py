"""Modules are fetched in the background, tried again, fetched anew where that is asked for, and kept meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.sources.modules.kit import CODE, OTHER, reference, serving
from xds.model.extensions import Module, ModuleFailure, ModuleReference, Modules
from xds.sources.following import Pace
from xds.sources.modules.cache import ModuleCache
from xds.sources.modules.source import ModuleSource

FAST = Pace(retry=0.02, retry_limit=0.1, again=0.05)


class Watched:
    def __init__(self, source: ModuleSource) -> None:
        self.source = source
        self.changes: asyncio.Queue[Modules] = asyncio.Queue()

    async def next(self) -> Modules:
        async with asyncio.timeout(10):
            return await self.changes.get()

    async def until(self, wanted: ModuleReference, code: bytes, remark: str = "") -> None:
        """Changes come, until the module is this one."""
        while True:
            known = (await self.next()).get(wanted)
            if (
                isinstance(known, Module)
                and known.code == code
                and remark in known.remark
                and bool(known.remark) is bool(remark)
            ):
                return


@asynccontextmanager
async def watching(folder: Path, *wanted: ModuleReference, pace: Pace = FAST) -> AsyncIterator[Watched]:
    source = ModuleSource(ModuleCache(folder), pace, chance=lambda: 0.5, look=0.02)
    source.want(wanted)
    watched = Watched(source)
    running = asyncio.create_task(source.run(watched.changes.put_nowait))
    try:
        yield watched
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def test_how_long_to_wait_grows_and_is_bounded() -> None:
    waits = [Pace().after(failures, chance=0.5) for failures in (1, 2, 3, 6, 7, 1000)]
    assert waits == [1, 2, 4, 32, 60, 60]
    assert [Pace().after(1, chance) for chance in (0, 1)] == [0.75, 1.25]


async def test_a_failure_is_told_and_heals(tmp_path: Path) -> None:
    async with serving() as server:
        wanted = reference(f"{server.url}/a.wasm")
        async with watching(tmp_path, wanted) as watched:
            known = (await watched.next())[wanted]
            assert isinstance(known, ModuleFailure)
            assert "answered 404" in known.reason
            server.answers["/a.wasm"] = (200, CODE)
            await watched.until(wanted, CODE)


async def test_what_is_there_is_not_fetched_again_not_even_after_a_restart(tmp_path: Path) -> None:
    async with serving() as server:
        server.answers["/a.wasm"] = (200, CODE)
        wanted = reference(f"{server.url}/a.wasm")
        for _ in range(2):
            async with watching(tmp_path, wanted) as watched:
                await watched.until(wanted, CODE)
        assert server.asked == ["/a.wasm"]


async def test_what_could_not_be_kept_is_kept_when_it_can_without_being_fetched_again(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.write_text("in its place, as if there were no room")
    async with serving() as server:
        server.answers["/a.wasm"] = (200, CODE)
        wanted = reference(f"{server.url}/a.wasm")
        async with watching(folder, wanted) as watched:
            await watched.until(wanted, CODE)
            folder.unlink()
            async with asyncio.timeout(10):
                while ModuleCache(folder).get(wanted) is None:  # noqa: ASYNC110 - nobody tells of it
                    await asyncio.sleep(0.01)
        assert server.asked == ["/a.wasm"]


async def test_always_fetches_anew_and_keeps_what_it_had_if_that_fails(tmp_path: Path) -> None:
    async with serving() as server:
        server.answers["/a.wasm"] = (200, CODE)
        wanted = reference(f"{server.url}/a.wasm", always=True)
        async with watching(tmp_path, wanted) as watched:
            await watched.until(wanted, CODE)
            server.answers["/a.wasm"] = (500, b"")
            await watched.until(wanted, CODE, remark="answered 500")
            server.answers["/a.wasm"] = (200, OTHER)
            await watched.until(wanted, OTHER)
        server.answers["/a.wasm"] = (500, b"")
        async with watching(tmp_path, wanted) as watched:
            await watched.until(wanted, OTHER, remark="answered 500")


async def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "a.wasm"
    wanted = reference(f"file://{file}")
    async with watching(tmp_path / "cache", wanted, pace=Pace()) as watched:
        assert isinstance((await watched.next())[wanted], ModuleFailure)
        file.write_bytes(CODE)
        await watched.until(wanted, CODE)
        file.write_bytes(OTHER)
        await watched.until(wanted, OTHER)
        file.unlink()
        await watched.until(wanted, OTHER, remark="cannot be read")


async def test_what_nobody_wants_any_more_is_forgotten(tmp_path: Path) -> None:
    async with serving() as server:
        server.answers["/a.wasm"] = server.answers["/b.wasm"] = (200, CODE)
        one, other = reference(f"{server.url}/a.wasm"), reference(f"{server.url}/b.wasm")
        async with watching(tmp_path, one) as watched:
            await watched.until(one, CODE)
            watched.source.want([other])
            while (known := await watched.next()).keys() != {other}:
                assert known.keys() <= {one, other}


async def test_a_slow_server_holds_up_no_other(tmp_path: Path) -> None:
    hangs = asyncio.Event()

    async def never(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hangs.wait()
        writer.close()

    slow = await asyncio.start_server(never, "127.0.0.1", 0)
    try:
        stuck = reference(f"http://127.0.0.1:{slow.sockets[0].getsockname()[1]}/a.wasm")
        async with serving() as server:
            server.answers["/a.wasm"] = (200, CODE)
            wanted = reference(f"{server.url}/a.wasm")
            async with watching(tmp_path, stuck, wanted) as watched:
                await watched.until(wanted, CODE)
    finally:
        hangs.set()
        slow.close()
