"""What an Envoy says of itself: whether it serves, and what is under way on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from xds.agent.envoy.admin import Admin
from xds.agent.envoy.drain import drain
from xds.agent.http.client import HttpError, Target
from xds.agent.http.server import Asked, HttpServer, Page, Reply

CONFIGURED = "cluster_manager.cds.update_success: 2\nlistener_manager.lds.update_success: 1\n"
STARTED = "listener_manager.workers_started: 1\n"


class Envoy:
    """Its admin interface. state: what `/ready` says; stats: what `/stats` says; posted: what it was told to do."""

    def __init__(self, state: str = "LIVE", stats: str = CONFIGURED + STARTED) -> None:
        self.state = state
        self.stats = stats
        self.posted: list[str] = []
        self.asked = asyncio.Event()

    async def ready(self, _: Asked) -> Reply:
        return Reply(200 if self.state == "LIVE" else 503, f"{self.state}\n")

    async def statistics(self, _: Asked) -> Reply:
        self.asked.set()
        return Reply(text=self.stats)

    def post(self, path: str) -> Page:
        async def page(_: Asked) -> Reply:
            self.posted.append(path)
            return Reply(text="OK\n")

        return page

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Admin]:
        paths = ("/healthcheck/fail", "/drain_listeners")
        pages = {("POST", path): self.post(path) for path in paths}
        server = HttpServer({("GET", "/ready"): self.ready, ("GET", "/stats"): self.statistics, **pages})
        try:
            yield Admin(Target("127.0.0.1", await server.start("127.0.0.1", 0)))
        finally:
            await server.stop()


@pytest.mark.parametrize(
    ("state", "stats", "problem"),
    [
        ("LIVE", CONFIGURED + STARTED, ""),
        ("PRE_INITIALIZING", CONFIGURED, "Envoy is PRE_INITIALIZING"),
        ("LIVE", "cluster_manager.cds.update_success: 0\n" + STARTED, "not been sent clusters and listeners yet"),
        ("LIVE", "cluster_manager.cds.update_success: 1\n" + STARTED, "not been sent listeners yet"),
        ("LIVE", CONFIGURED, "does not accept connections yet"),
    ],
)
async def test_whether_it_serves(state: str, stats: str, problem: str) -> None:
    async with Envoy(state, stats).serving() as admin:
        found = await admin.problem()
    assert problem in found
    assert bool(found) == bool(problem)


async def test_one_that_is_not_there_does_not() -> None:
    admin = Admin(Target("127.0.0.1", 1))
    assert "admin interface" in await admin.problem()
    with pytest.raises(HttpError):
        await admin.busy()


BUSY = """\
http.admin.downstream_cx_active: 1
http.admin.downstream_rq_active: 1
http.inbound_0.0.0.0_9080;.downstream_cx_active: 4
http.inbound_0.0.0.0_9080;.downstream_rq_active: 2
listener.0.0.0.0_15006.downstream_cx_active: 5
listener.0.0.0.0_15006.downstream_pre_cx_active: 0
listener.0.0.0.0_15006.worker_0.downstream_cx_active: 5
listener.admin.downstream_cx_active: 1
listener.admin.main_thread.downstream_cx_active: 1
"""


async def test_idle_connections_and_its_own_interface_are_nothing_under_way() -> None:
    async with Envoy(stats=BUSY).serving() as admin:
        assert await admin.busy() == 3  # two requests, and one connection of bytes


async def test_draining_waits_for_what_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xds.agent.envoy.drain.LEAST_SECONDS", 0.0)
    envoy = Envoy(stats=BUSY)
    async with envoy.serving() as admin:
        draining = asyncio.create_task(drain(admin, 60, inbound_only=True))
        await envoy.asked.wait()
        assert envoy.posted == ["/healthcheck/fail", "/drain_listeners"]
        assert not draining.done()
        envoy.stats = BUSY.replace("_rq_active: 2", "_rq_active: 0").replace("15006.downstream_cx_active: 5", "x: 4")
        await asyncio.wait_for(draining, 20)


async def test_draining_takes_no_longer_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xds.agent.envoy.drain.LEAST_SECONDS", 0.0)
    async with Envoy(stats=BUSY).serving() as admin:
        await asyncio.wait_for(drain(admin, 0.3, inbound_only=False), 20)
    await asyncio.wait_for(drain(Admin(Target("127.0.0.1", 1)), 60, inbound_only=False), 20)  # nobody is there to drain
