"""A program that makes gRPC calls when it is asked to over HTTP: ``python -m e2e.proxyless.caller HOST PORT``.

``/calls?target=xds:///echo:80&count=10&user=jason`` answers with how often each version answered, or each status if a
call failed, as JSON. Where a target leads is up to the gRPC library and its bootstrap. ``/`` answers without a call.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

from aiohttp import web
from grpc import aio  # type: ignore[import-untyped]  # grpcio ships no types

from e2e.proxyless.backend import METHOD

_SECONDS = 5.0
_AT_ONCE = 20


class Caller:
    """Has a channel for each target that it was ever asked for."""

    def __init__(self) -> None:
        self._channels: dict[str, aio.Channel] = {}

    async def calls(self, request: web.BaseRequest) -> web.Response:
        """The HTTP handler."""
        query = request.rel_url.query
        user = (("end-user", query["user"]),) if "user" in query else ()
        answers: Counter[str] = Counter()
        remaining = int(query.get("count", "0"))
        while remaining > 0:
            calls = (self._call(query["target"], user) for _ in range(min(_AT_ONCE, remaining)))
            answers.update(await asyncio.gather(*calls))
            remaining -= _AT_ONCE
        return web.json_response(answers)

    async def _call(self, target: str, metadata: tuple[tuple[str, str], ...]) -> str:
        channel = self._channels.get(target)
        if channel is None:
            channel = self._channels[target] = aio.insecure_channel(target)
        try:
            answer: bytes = await channel.unary_unary(METHOD)(b"", metadata=metadata, timeout=_SECONDS)
        except aio.AioRpcError as error:
            return f"{error.code().name}: {error.details()}"
        return answer.decode()


async def main(host: str, port: int) -> None:
    """Serves until the process is ended."""
    runner = web.ServerRunner(web.Server(Caller().calls))
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
