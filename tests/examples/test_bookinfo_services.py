"""The Bookinfo services as real processes. A forward proxy in this process stands for their sidecars."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from yarl import URL

from examples.bookinfo.services.options import parse_options
from examples.bookinfo.services.reviews import SERVICE
from examples.bookinfo.topology import REPOSITORY

pytestmark = pytest.mark.asyncio(loop_scope="module")

Handler = Callable[[web.BaseRequest], Awaitable[web.Response]]
PAGE_TIMEOUT = 1.0
INSTANCES = ("productpage-v1", "details-v1", "reviews-v1", "reviews-v2", "reviews-v3", "ratings-v1")


@dataclass
class FakeMesh:
    """Forwards ``http://host:9080/...`` to an instance, or answers in its place. Remembers what it was asked."""

    client: aiohttp.ClientSession
    url: str = ""
    instances: dict[str, str] = field(default_factory=dict)
    routes: dict[str, str] = field(default_factory=dict)
    faults: dict[str, Handler] = field(default_factory=dict)
    seen: list[web.BaseRequest] = field(default_factory=list)

    def reset(self) -> None:
        self.routes = {"details": "details-v1", "reviews": "reviews-v1", "ratings": "ratings-v1"}
        self.faults = {}
        self.seen = []

    def requests_to(self, host: str) -> list[web.BaseRequest]:
        return [request for request in self.seen if request.url.host == host]

    async def handle(self, request: web.BaseRequest) -> web.Response:
        self.seen.append(request)
        host = request.url.host or ""
        if host in self.faults:
            return await self.faults[host](request)
        url = self.instances[self.routes[host]] + request.path
        async with self.client.get(url, headers=request.headers) as answer:
            return web.Response(body=await answer.read(), status=answer.status)


@dataclass(frozen=True)
class Shop:
    """productpage as a client sees it, and the mesh behind it."""

    mesh: FakeMesh

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        url = self.mesh.instances["productpage-v1"] + path
        async with self.mesh.client.get(url, headers=headers) as answer:
            return answer.status, await answer.text()

    async def part(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, dict[str, object]]:
        status, text = await self.get(f"/api/v1/products/{path}", headers)
        return status, json.loads(text)


async def start(service: str, *arguments: str, listen: str = "127.0.0.1:0") -> Process:
    module = f"examples.bookinfo.services.{service}"
    command = (sys.executable, "-m", module, "--listen", listen, *arguments)
    return await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, cwd=REPOSITORY)


async def log_line(process: Process) -> dict[str, object]:
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 20)
    assert line, "the service ended before it wrote a line"
    entry: dict[str, object] = json.loads(line)
    return entry


async def stop(process: Process, number: signal.Signals = signal.SIGTERM) -> int:
    if process.returncode is None:
        process.send_signal(number)
    await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode is not None
    return process.returncode


@asynccontextmanager
async def running(service: str, *arguments: str) -> AsyncIterator[tuple[Process, str]]:
    process = await start(service, *arguments)
    try:
        yield process, f"http://{(await log_line(process))['listening']}"
    finally:
        await stop(process)


@asynccontextmanager
async def fake_mesh() -> AsyncIterator[FakeMesh]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
        mesh = FakeMesh(client)
        runner = web.ServerRunner(web.Server(mesh.handle), shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            mesh.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield mesh
        finally:
            await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def processes() -> AsyncIterator[FakeMesh]:
    async with fake_mesh() as mesh, AsyncExitStack() as stack:

        async def run(instance: str) -> None:
            service, version = instance.split("-")
            timeout = ("--neighbour-timeout", str(PAGE_TIMEOUT)) if service == "productpage" else ()
            application = running(service, "--version", version, "--http-proxy", mesh.url, *timeout)
            _, mesh.instances[instance] = await stack.enter_async_context(application)

        async with asyncio.TaskGroup() as group:
            for instance in INSTANCES:
                group.create_task(run(instance))
        yield mesh


@pytest.fixture
def shop(processes: FakeMesh) -> Shop:
    processes.reset()
    return Shop(processes)


def answering(status: int, body: str) -> Handler:
    async def handler(_request: web.BaseRequest) -> web.Response:
        return web.Response(status=status, text=body)

    return handler


async def silent(_request: web.BaseRequest) -> web.Response:
    await asyncio.sleep(PAGE_TIMEOUT * 1.5)
    return web.Response()


@pytest.mark.parametrize(
    ("version", "color", "stars", "ratings"),
    [("v1", None, [None, None], "off"), ("v2", "black", [5, 4], "ok"), ("v3", "red", [5, 4], "ok")],
)
async def test_each_version_of_reviews_says_who_it_is_and_has_its_stars(
    shop: Shop, version: str, color: str | None, stars: list[int | None], ratings: str
) -> None:
    shop.mesh.routes["reviews"] = f"reviews-{version}"
    status, part = await shop.part("0/reviews")
    reviews = part["reviews"]
    assert isinstance(reviews, dict)
    assert status == 200
    assert (reviews["version"], reviews["instance"]) == (version, f"reviews-{version}")
    assert reviews["ratings"] == {"status": ratings}
    assert reviews.get("star_color") == color
    assert [review.get("stars") for review in reviews["reviews"]] == stars
    assert len(shop.mesh.requests_to("ratings")) == (version != "v1")


async def test_calls_are_absolute_form_requests_to_mesh_host_names(shop: Shop) -> None:
    shop.mesh.routes["reviews"] = "reviews-v2"
    await shop.get("/productpage")
    assert sorted(request.raw_path for request in shop.mesh.seen) == [
        "http://details:9080/details/0",
        "http://ratings:9080/ratings/0",
        "http://reviews:9080/reviews/0",
    ]


async def test_user_session_and_trace_headers_travel_the_whole_way(shop: Shop) -> None:
    shop.mesh.routes["reviews"] = "reviews-v3"
    sent = {
        "end-user": "jason",
        "user-agent": "probe/1",
        "authorization": "Bearer abc",
        "cookie": "a=1",
        "x-request-id": "5f7a",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "b3": "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1",
        "x-b3-traceid": "80f198ee56343ba864fe8b2a57d3eff7",
        "x-b3-sampled": "1",
    }
    await shop.part("0/reviews", {**sent, "x-private": "stays here"})
    (ratings,) = shop.mesh.requests_to("ratings")
    assert {name: ratings.headers.get(name) for name in sent} == sent
    assert "x-private" not in ratings.headers


async def test_a_header_that_cannot_be_sent_on_is_dropped(shop: Shop) -> None:
    page = URL(shop.mesh.instances["productpage-v1"])
    reader, writer = await asyncio.open_connection(page.host, page.port)
    writer.write(b"GET /api/v1/products/0 HTTP/1.1\r\nhost: x\r\nend-user: \xff\xfe\r\nconnection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert "end-user" not in shop.mesh.requests_to("details")[0].headers


async def test_reviews_answers_without_stars_when_ratings_fails(shop: Shop) -> None:
    shop.mesh.routes["reviews"] = "reviews-v2"
    shop.mesh.faults["ratings"] = answering(500, "fault filter abort")
    status, part = await shop.part("0/reviews")
    reviews = part["reviews"]
    assert isinstance(reviews, dict)
    assert status == 200
    assert reviews["ratings"] == {
        "status": "error",
        "error": {"reason": "status", "code": 500, "message": "ratings answered 500: fault filter abort"},
    }
    assert all("stars" not in review for review in reviews["reviews"])
    assert len(shop.mesh.requests_to("ratings")) == 1


async def test_a_silent_reviews_is_tried_twice_and_then_reported(shop: Shop) -> None:
    shop.mesh.faults["reviews"] = silent
    before = time.monotonic()
    status, text = await shop.get("/productpage")
    waited = time.monotonic() - before
    assert status == 200
    assert 'id="reviews-error" data-reason="timeout"' in text
    assert "Moby-Dick" in text
    assert len(shop.mesh.requests_to("reviews")) == 2
    assert 2 * PAGE_TIMEOUT <= waited < 2 * PAGE_TIMEOUT + 2


@pytest.mark.parametrize(
    ("handler", "reason", "code", "calls"),
    [
        (answering(503, "no healthy upstream"), "status", 503, 2),
        (answering(403, "RBAC: access denied"), "status", 403, 1),
        (answering(302, ""), "status", 502, 2),
        (answering(200, "<html>"), "malformed", 502, 2),
        (answering(200, "x" * 300_000), "unreachable", 503, 2),
    ],
)
async def test_what_reviews_answers_wrongly_is_named(
    shop: Shop, handler: Handler, reason: str, code: int, calls: int
) -> None:
    shop.mesh.faults["reviews"] = handler
    status, part = await shop.part("0/reviews")
    error = part["error"]
    assert isinstance(error, dict)
    assert (status, error["reason"], error["code"]) == (code, reason, code)
    assert len(shop.mesh.requests_to("reviews")) == calls


async def test_details_and_ratings_are_parts_of_their_own(shop: Shop) -> None:
    _, details = await shop.part("0")
    _, ratings = await shop.part("0/ratings", {"end-user": "jason"})
    assert isinstance(details["details"], dict)
    assert isinstance(ratings["ratings"], dict)
    assert details["details"]["author"] == "Herman Melville"
    assert ratings["ratings"]["ratings"] == {"first-mate": 5, "harpooner": 4}
    assert ("user" in details, ratings["user"]) == (False, "jason")


@pytest.mark.parametrize(
    ("version", "color"), [("v1", None), ("v2", '<span class="stars black"'), ("v3", '<span class="stars red"')]
)
async def test_the_page_shows_the_version_and_its_stars(shop: Shop, version: str, color: str | None) -> None:
    shop.mesh.routes["reviews"] = f"reviews-{version}"
    status, text = await shop.get("/productpage", {"end-user": "<b>jason"})
    assert status == 200
    assert f'data-version="{version}"' in text
    assert (color in text) if color else ('class="stars' not in text)
    assert "&lt;b&gt;jason" in text
    assert "<b>jason" not in text


async def test_the_page_says_who_answered_and_what_became_of_the_stars(shop: Shop) -> None:
    shop.mesh.routes["reviews"] = "reviews-v3"
    shop.mesh.faults["ratings"] = answering(500, "<i>broken")
    shop.mesh.faults["details"] = answering(503, "")
    _, text = await shop.get("/productpage", {"x-forwarded-client-cert": "By=me;URI=spiffe://a/b"})
    rows = text.partition("<tbody>")[2].partition("</tbody>")[0].strip().splitlines()
    assert [re.sub("<[^>]+>", " ", row).split() for row in rows] == [
        ["productpage", "v1", "productpage-v1"],
        ["details", "failed:", "status"],
        ["reviews", "v3", "reviews-v3"],
        ["ratings", "asked", "for", "stars", "by", "reviews,", "but", "failed"],
    ]
    assert "ratings answered 500: &lt;i&gt;broken" in text


@pytest.mark.parametrize("path", ["/productpage", "/static/bookinfo.css", "/api/v1/products/0", "/nothing"])
async def test_browsers_are_told_to_load_and_run_nothing_else_and_to_keep_nothing(shop: Shop, path: str) -> None:
    async with shop.mesh.client.get(shop.mesh.instances["productpage-v1"] + path) as answer:
        policy = answer.headers["content-security-policy"].split("; ")
        told = [answer.headers[name] for name in ("x-content-type-options", "referrer-policy", "cache-control")]
    assert {"default-src 'none'", "frame-ancestors 'none'", "form-action 'self'"} <= set(policy)
    assert told == ["nosniff", "no-referrer", "no-store"]


async def test_login_makes_the_user_known_to_the_mesh_until_logout(shop: Shop) -> None:
    base = shop.mesh.instances["productpage-v1"]
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(base, cookie_jar=jar) as browser:
        async with browser.post("/login", data={"username": "jason"}) as answer:
            assert (answer.status, answer.url.path) == (200, "/productpage")
            assert 'id="user">jason<' in await answer.text()
        assert [request.headers["end-user"] for request in shop.mesh.requests_to("reviews")] == ["jason"]
        async with browser.get("/logout") as answer:
            assert "Sign in" in await answer.text()
    assert "end-user" not in shop.mesh.requests_to("reviews")[-1].headers


@pytest.mark.parametrize("name", ["", "a b", "x\r\nadmin: 1", "n" * 65])
async def test_a_name_that_is_no_plain_name_cannot_log_in(shop: Shop, name: str) -> None:
    url = shop.mesh.instances["productpage-v1"] + "/login"
    async with shop.mesh.client.post(url, data={"username": name}) as answer:
        assert (answer.status, "set-cookie" in answer.headers) == (400, False)


async def test_a_form_that_is_too_long_is_refused(shop: Shop) -> None:
    url = shop.mesh.instances["productpage-v1"] + "/login"
    async with shop.mesh.client.post(url, data={"username": "n" * 20_000}) as answer:
        assert answer.status == 413


@pytest.mark.parametrize("path", ["1", "99999999999", "x", "0/nothing"])
async def test_there_is_one_product(shop: Shop, path: str) -> None:
    status, _ = await shop.get(f"/api/v1/products/{path}")
    assert status == 404
    assert shop.mesh.seen == []


@pytest.mark.parametrize("instance", INSTANCES)
async def test_every_service_tells_its_health(shop: Shop, instance: str) -> None:
    async with shop.mesh.client.get(f"{shop.mesh.instances[instance]}/health") as answer:
        assert (answer.status, await answer.json()) == (200, {"status": "ok"})


async def test_the_style_sheet_is_served(shop: Shop) -> None:
    status, text = await shop.get("/static/bookinfo.css")
    assert status == 200
    assert ".stars.red" in text


async def test_an_idle_service_ends_cleanly_on_sigint() -> None:
    async with running("ratings") as (process, _):
        assert await stop(process, signal.SIGINT) == 0


async def test_a_service_with_a_request_pending_ends_cleanly_on_sigterm() -> None:
    asked = asyncio.Event()

    async def hang(_request: web.BaseRequest) -> web.Response:
        asked.set()
        await asyncio.sleep(60)
        return web.Response()

    async with fake_mesh() as mesh, running("reviews", "--version", "v2", "--http-proxy", mesh.url) as (process, url):
        mesh.faults["ratings"] = hang
        pending = asyncio.create_task(mesh.client.get(f"{url}/reviews/0"))
        await asyncio.wait_for(asked.wait(), 10)
        assert await stop(process, signal.SIGTERM) == 0
        (outcome,) = await asyncio.gather(pending, return_exceptions=True)
    assert isinstance(outcome, aiohttp.ClientError)


async def test_each_request_is_one_line_of_the_access_log() -> None:
    async with fake_mesh() as mesh, running("details", "--instance", "d-7") as (process, url):
        headers = {"end-user": "jason", "x-request-id": "5f7a"}
        async with mesh.client.get(f"{url}/details/0?a=%0Ab", headers=headers) as answer:
            assert (await answer.json())["instance"] == "d-7"
        entry = await log_line(process)
    assert isinstance(entry.pop("ms"), float)
    assert entry == {
        "instance": "d-7",
        "method": "GET",
        "path": "/details/0?a=%0Ab",
        "status": 200,
        "end-user": "jason",
        "x-request-id": "5f7a",
    }


async def test_the_proxy_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fake_mesh() as mesh:
        monkeypatch.setenv("BOOKINFO_HTTP_PROXY", mesh.url)
        mesh.faults["ratings"] = answering(500, "")
        async with running("reviews", "--version", "v3") as (_, url), mesh.client.get(f"{url}/reviews/0") as answer:
            assert (await answer.json())["ratings"]["error"]["message"] == "ratings answered 500"
    assert len(mesh.requests_to("ratings")) == 1


async def test_an_absent_sidecar_is_reported_as_unreachable(shop: Shop) -> None:
    # A server that listens no more: its port refuses connections.
    async with await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0) as server:
        gone = server.sockets[0].getsockname()[1]
    arguments = ("--version", "v2", "--http-proxy", f"http://127.0.0.1:{gone}")
    async with running("reviews", *arguments) as (_, url), shop.mesh.client.get(f"{url}/reviews/0") as answer:
        body = await answer.json()
    assert (answer.status, body["ratings"]["error"]["reason"]) == (200, "unreachable")


async def test_a_port_in_use_is_one_line_and_exit_1(shop: Shop) -> None:
    taken = shop.mesh.instances["details-v1"].removeprefix("http://")
    process = await start("ratings", listen=taken)
    _, errors = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert errors.decode().startswith(f"ratings-v1: cannot listen on {taken}: ")
    assert errors.count(b"\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("--listen", "9080"),
        ("--listen", "127.0.0.1:99999"),
        ("--version", "v9"),
        ("--http-proxy", "127.0.0.1:15080"),
        ("--neighbour-timeout", "0"),
    ],
)
async def test_wrong_usage_is_exit_2(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_status:
        parse_options(SERVICE, arguments)
    assert exit_status.value.code == 2
    assert arguments[0] in capsys.readouterr().err
