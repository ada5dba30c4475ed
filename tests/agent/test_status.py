"""Port 15020: pages over real connections, and metrics of others that come, hang, break off or are none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from xds.agent.http.client import HttpError, Target, ask
from xds.agent.http.server import MAX_CONNECTIONS, Asked, HttpServer, Pages, Reply
from xds.agent.status.exposition import of_application, of_envoy
from xds.agent.status.merge import Merged, Part
from xds.agent.status.own import Figures, exposition
from xds.agent.status.pages import is_loopback, pages

HOST = "127.0.0.1"


@asynccontextmanager
async def serving(served: Pages) -> AsyncIterator[Target]:
    server = HttpServer(served)
    try:
        yield Target(HOST, await server.start(HOST, 0))
    finally:
        await server.stop()


async def fetch(target: Target, path: str, method: str = "GET") -> tuple[int, str]:
    async with ask(target, path, 20, method) as answer:
        return answer.status, await answer.text(1 << 20)


@asynccontextmanager
async def raw(answer: bytes, *, hang: bool = False) -> AsyncIterator[Target]:
    """A server that writes these bytes to whoever comes, and then ends the connection, or not."""

    served: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        if hang:
            await reader.read()
        writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.create_task(serve(reader, writer)))

    async with await asyncio.start_server(accept, HOST, 0) as server:
        yield Target(HOST, server.sockets[0].getsockname()[1])
        await asyncio.gather(*served)


def body(text: str, length: int | None = None) -> bytes:
    size = len(text) if length is None else length
    return f"HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n{text}".encode()


async def merged(envoy: Target, application: Target) -> tuple[str, Merged]:
    parts = (
        Part("envoy", envoy, "/stats/prometheus", of_envoy),
        Part("application", application, "/metrics", of_application),
    )
    made = Merged(parts, lambda: "own 1\n")
    return b"".join([chunk async for chunk in made.chunks()]).decode(), made


async def test_metrics_are_merged() -> None:
    async with raw(body("envoy_istio_x 1\nenvoy_y 2\n")) as envoy, raw(body("app 3\n<b>no</b>\nlast 4")) as application:
        text, made = await merged(envoy, application)
    assert text == "istio_x 1\nenvoy_y 2\napp 3\nlast 4\nown 1\n"
    assert not made.failures.total()


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        (b"HTTP/1.1 500 No\r\ncontent-length: 6\r\n\r\napp 1\n", ""),
        (body("app 1\napp_half 123", 100), "app 1\n"),
        (body("app 1\n" + "a" * 70_000), "app 1\n"),
        (b"SSH-2.0-x\r\n", ""),
        (b"", ""),
    ],
    ids=["status", "breaks off", "long line", "no HTTP", "nothing"],
)
async def test_a_part_that_fails_spoils_no_other(answer: bytes, left: str) -> None:
    async with raw(body("envoy_y 2\n")) as envoy, raw(answer) as application:
        text, made = await merged(envoy, application)
    assert text == f"envoy_y 2\n{left}own 1\n"
    assert made.failures == {"envoy": 0, "application": 1}


async def test_a_part_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xds.agent.status.merge.PART_SECONDS", 0.2)
    async with raw(body("a 1\n", 9), hang=True) as envoy, raw(b"", hang=True) as application:
        text, made = await merged(envoy, application)
    assert text == "a 1\nown 1\n"
    assert made.failures == {"envoy": 1, "application": 1}


async def test_nobody_there_is_counted() -> None:
    text, made = await merged(Target(HOST, 1), Target(HOST, 1))
    assert text == "own 1\n"
    assert made.failures == {"envoy": 1, "application": 1}


@pytest.mark.parametrize("why", ["", "Envoy is not there"])
async def test_the_pages(why: str) -> None:
    async def problem() -> str:
        return why

    ended: list[int] = []
    async with serving(pages(problem, Merged((), lambda: "own 1\n"), lambda: ended.append(1))) as target:
        assert await fetch(target, "/healthz/ready") == ((503, f"{why}\n") if why else (200, "ready\n"))
        assert await fetch(target, "/healthz/ready?x=y", "HEAD") == (503 if why else 200, "")
        assert await fetch(target, "/stats/prometheus") == (200, "own 1\n")
        assert (await fetch(target, "/"))[0] == 404
        assert await fetch(target, "/quitquitquit") == (405, "/quitquitquit is for POST\n")
        assert not ended
        assert await fetch(target, "/quitquitquit", "POST") == (200, "ending\n")
    assert ended


@pytest.mark.parametrize(
    ("peer", "expected"),
    [("127.0.0.1", True), ("::1", True), ("::ffff:127.0.0.6", True), ("10.0.0.1", False), ("fe80::1%eth0", False)],
)
def test_whose_word_is_enough_to_end(peer: str, expected: bool) -> None:
    assert is_loopback(peer) is expected


async def test_strangers_may_not_end_it() -> None:
    async def problem() -> str:
        return ""

    ended: list[int] = []
    page = pages(problem, Merged((), str), lambda: ended.append(1))["POST", "/quitquitquit"]
    assert (await page(Asked("10.0.0.1"))).status == 403
    assert not ended


async def test_a_large_answer_is_not_held_as_a_whole() -> None:
    made = 0

    async def chunks() -> AsyncGenerator[bytes, None]:
        nonlocal made
        for _ in range(10_000):
            made += 1
            yield b"x" * 100_000

    async with serving({("GET", "/"): _page(chunks)}) as target, ask(target, "/", 20) as answer:
        async for _ in answer.chunks():
            break
        await asyncio.sleep(0.1)
        assert made < 1_000


def _page(body: Callable[[], AsyncGenerator[bytes, None]]) -> Callable[[Asked], Awaitable[Reply]]:
    async def page(_: Asked) -> Reply:
        return Reply(body=body())

    return page


async def here(_: Asked) -> Reply:
    return Reply(text="here\n")


HERE: Pages = {("GET", "/"): here}


@pytest.mark.parametrize(
    "noise", [b"\x16\x03\x01\x02\x00\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 10_000, b"GET /"]
)
async def test_what_is_no_request_is_sent_away(noise: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xds.agent.http.server.REQUEST_SECONDS", 0.3)
    async with serving(HERE) as target:
        reader, writer = await asyncio.open_connection(HOST, target.port)
        writer.write(noise)
        assert await _rest(reader) == b""
        writer.close()


async def test_too_many_connections_are_sent_away_until_there_are_fewer() -> None:
    async with serving(HERE) as target:
        idle = [await asyncio.open_connection(HOST, target.port) for _ in range(MAX_CONNECTIONS)]
        with pytest.raises(HttpError):
            await fetch(target, "/")
        for _, writer in idle:
            writer.close()
        async with asyncio.timeout(20):
            while not await _answers(target):  # noqa: ASYNC110 - it is the server that is to be asked
                await asyncio.sleep(0.01)


async def _answers(target: Target) -> bool:
    try:
        return await fetch(target, "/") == (200, "here\n")
    except HttpError:
        return False


async def _rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


def test_the_agents_own_figures() -> None:
    figures = Figures(True, 2, 1700000000.4, 3, 1, {"envoy": 0, "application": 5})
    lines = exposition(figures)
    assert "pilothouse_agent_envoy_running 1\n" in lines
    assert "pilothouse_agent_envoy_restarts_total 2\n" in lines
    assert "pilothouse_agent_svid_expiry_timestamp_seconds 1700000000\n" in lines
    assert 'pilothouse_agent_svid_renewals_total{result="failure"} 1\n' in lines
    assert 'pilothouse_agent_metrics_missing_total{of="application"} 5\n' in lines
    assert of_application(lines.encode()).decode() == lines
