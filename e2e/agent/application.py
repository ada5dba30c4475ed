"""An application beside an agent: it says who the sender is, waits if it is asked to, and has metrics and a health."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

NOBODY = "nobody"
HELD = "/held"


@dataclass
class Application:
    """port: on loopback. healthy: what it says of itself, if it is asked, which is noted. arrived: a request to `HELD`
    is there; let_go: answers it.
    """

    port: int = 0
    healthy: bool = True
    asked: list[str] = field(default_factory=list)
    probed: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.BaseRequest) -> web.Response:
        match request.path:
            case "/metrics":
                return web.Response(text="# TYPE till_open gauge\ntill_open 1\n<html>\n")
            case "/ready":
                self.asked.append(request.headers.get("x-probe", ""))
                self.probed.set()
                return web.Response(status=200 if self.healthy else 503)
            case path if path == HELD:
                self.arrived.set()
                await self.let_go.wait()
        shown = request.headers.get("x-forwarded-client-cert", "")
        names = [part.removeprefix("URI=") for part in shown.split(";") if part.startswith("URI=")]
        return web.Response(text=names[0] if names else NOBODY)


@asynccontextmanager
async def application() -> AsyncIterator[Application]:
    """Listens while the context is open."""
    made = Application()
    runner = web.ServerRunner(web.Server(made.answer), shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.port = int(runner.addresses[0][1])
        yield made
    finally:
        made.let_go.set()
        await runner.cleanup()
