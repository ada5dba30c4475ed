"""An HTTP server that answers every request with what it received, as JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def echo_server(instance: str, host: str, port: int = 0) -> AsyncIterator[int]:
    """Listens while the context is open, whose value is the port. ``instance`` is in every answer."""

    async def echo(request: web.BaseRequest) -> web.Response:
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
