"""Runs a service: from its command line to a clean exit on SIGTERM or SIGINT, with an access log and ``/health``."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import signal
import sys
from collections.abc import Callable

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from examples.bookinfo.services.options import Options, Service, parse_options
from examples.bookinfo.services.shapes import Shape

MAX_BODY_BYTES = 16 * 1024
SHUTDOWN_SECONDS = 0.5
PRODUCT_PATH = r"{id:\d{1,9}}"


class AccessLog(AbstractAccessLogger):
    """Writes one JSON object for each request, on one line."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        entry = {
            "instance": self.logger.name,
            "method": request.method,
            "path": str(request.rel_url),
            "status": response.status,
            "ms": round(time * 1000, 1),
            "end-user": request.headers.get("end-user"),
            "x-request-id": request.headers.get("x-request-id"),
        }
        self.logger.info(json.dumps(entry))


def run(service: Service, build: Callable[[Options], web.Application]) -> None:
    """Serves what ``build`` returns until SIGTERM or SIGINT.

    Raises SystemExit with a one-line message, which is exit status 1, if the address cannot be had.
    """
    options = parse_options(service)
    asyncio.run(_serve(build(options), options))


def json_answer(shape: Shape, status: int = 200) -> web.Response:
    """The HTTP response that carries ``shape``."""
    return web.json_response(text=shape.model_dump_json(exclude_none=True), status=status)


def caller(request: web.Request) -> str | None:
    """The identity that the caller has proven to the sidecar, which tells it; None if it has proven none."""
    names = [part for part in re.split("[;,]", request.headers.get("x-forwarded-client-cert", "")) if "URI=" in part]
    return names[-1].removeprefix("URI=") if names else None


def product_id(request: web.Request) -> int:
    """The book that the path names by its ``{id}``. Raises HTTPNotFound for all but the one book in stock."""
    number = int(request.match_info["id"])
    if number != 0:
        raise web.HTTPNotFound(text=f"no product {number}\n")
    return number


async def _serve(app: web.Application, options: Options) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    logger = _stdout_logger(options.instance)
    app.router.add_get("/health", _health)
    runner = web.AppRunner(
        app, access_log_class=AccessLog, access_log=logger, shutdown_timeout=SHUTDOWN_SECONDS, handle_signals=False
    )
    await runner.setup()
    try:
        await _listen(runner, options)
        host, port = runner.addresses[0][:2]
        logger.info(json.dumps({"instance": options.instance, "listening": f"{host}:{port}"}))
        await stop.wait()
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, options: Options) -> None:
    address = options.listen
    try:
        await web.TCPSite(runner, address.host, address.port).start()
    except OSError as error:
        raise SystemExit(f"{options.instance}: cannot listen on {address.host}:{address.port}: {error}") from error


async def _health(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


def _stdout_logger(name: str) -> logging.Logger:
    logger = logging.getLogger(name)
    logger.setLevel(logging.INFO)
    logger.addHandler(logging.StreamHandler(sys.stdout))
    return logger
