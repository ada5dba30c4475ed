"""An HTTP server that answers every request with what it received, as JSON, and some of them not before it may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

HELD = "/held"


@dataclass
class Held:
    """Requests for paths that end in `HELD`. arrived: how many have; let_go: answers them."""

    arrived: int = 0
    let_go: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def echo_server(instance: str, host: str, port: int = 0, held: Held | None = None) -> AsyncIterator[int]:
    """Listens while the context is open, whose value is the port. ``instance`` is in every answer."""

    async def echo(request: web.BaseRequest) -> web.Response:
        if held is not None and request.path.endswith(HELD):
            held.arrived += 1
            await held.let_go.wait()
        received = {
            "instance": instance,
            "address": host,
            "method": request.method,
            "path": request.raw_path,
            "headers": dict(request.headers),
        }
        return web.json_response(received)

    runner = web.ServerRunner(web.Server(echo), shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
