"""The monitoring address: readiness, Prometheus metrics, and debug endpoints under istiod's names."""

from __future__ import annotations

import json
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

Json = Mapping[str, object] | Sequence[object]


class AmbiguousProxyError(LookupError):
    """A proxy was named in a way that fits several, or none. The message says which there are."""


class UnknownObjectError(LookupError):
    """There is no configuration object of that name. The message says which there are."""


class MisnamedObjectError(ValueError):
    """This is not how an object is named. The message says how."""


class Probes(Protocol):
    """What the endpoints ask the application."""

    def not_ready(self) -> str | None:
        """Why the control plane cannot serve yet, or None if it can."""

    def sync_status(self) -> Json:
        """Every connected proxy with what it subscribed to, was sent, and accepted."""

    def config(self) -> Json:
        """The objects in force and what there is to say about them."""

    def config_dump(self, proxy_id: str) -> Json:
        """The resources of one proxy, by its node id or ``name.namespace``. Raises AmbiguousProxyError."""

    async def analysis(self) -> Json:
        """What is to be said of the whole configuration, as ``pilothouse analyze`` says it."""

    def credentials(self) -> Json:
        """Certificates and when they expire, without keys."""

    def spiffe_bundle(self) -> Json | None:
        """What other trust domains check certificates and tokens of this one against; None without an authority."""

    def loads(self) -> Json:
        """What connected clients report of their requests, by cluster and locality."""

    def addresses(self) -> Json:
        """By host, the automatic addresses of those that have no other."""

    def changes(self, about: str) -> Json:
        """The latest changes and how far they have come, newest first; about: of this object only, unless empty.

        Raises MisnamedObjectError.
        """

    def standing(self, about: str) -> Json:
        """Which proxies have accepted the newest version of an object, which rejected it, and which have not answered.

        Raises MisnamedObjectError and UnknownObjectError.
        """

    async def refresh(self) -> None:
        """Returns when everything that the sources say by now is in force."""


def create_app(probes: Probes, registry: CollectorRegistry) -> Starlette:
    """The ASGI application."""

    async def ready(_: Request) -> Response:
        reason = probes.not_ready()
        return PlainTextResponse("ready\n") if reason is None else PlainTextResponse(f"{reason}\n", status_code=503)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    async def config_dump(request: Request) -> Response:
        proxy_id = request.query_params.get("proxyID", "")
        if not proxy_id:
            return _error("say which proxy: ?proxyID=name.namespace, or its whole node id", 400)
        try:
            return _pretty(probes.config_dump(proxy_id))
        except AmbiguousProxyError as error:
            return _error(str(error), 404)

    async def changes(request: Request) -> Response:
        return _about_object(request, probes.changes)

    async def convergence(request: Request) -> Response:
        if request.query_params.get("refresh") == "true":
            await probes.refresh()
        return _about_object(request, probes.standing)

    async def index(_: Request) -> Response:
        answered = (path for path in _PATHS if path != BUNDLE or probes.spiffe_bundle() is not None)
        return PlainTextResponse("".join(f"{path}\n" for path in answered))

    return Starlette(
        routes=[
            Route("/", index),
            Route("/ready", ready),
            Route("/metrics", metrics),
            Route("/debug/syncz", _json(probes.sync_status)),
            Route("/debug/configz", _json(probes.config)),
            Route("/debug/config_dump", config_dump),
            Route("/debug/analysis", _awaited_json(probes.analysis)),
            Route("/debug/credentials", _json(probes.credentials)),
            Route(BUNDLE, _bundle(probes.spiffe_bundle)),
            Route("/debug/loads", _json(probes.loads)),
            Route("/debug/addresses", _json(probes.addresses)),
            Route("/debug/changes", changes),
            Route("/debug/convergence", convergence),
        ]
    )


BUNDLE = "/spiffe-bundle"

_PATHS = (
    "/ready",
    "/metrics",
    BUNDLE,
    "/debug/syncz",
    "/debug/configz",
    "/debug/config_dump?proxyID=NAME.NAMESPACE",
    "/debug/analysis",
    "/debug/credentials",
    "/debug/loads",
    "/debug/addresses",
    "/debug/changes?object=KIND/NAME.NAMESPACE",
    "/debug/convergence?object=KIND/NAME.NAMESPACE",
)


def _json(project: Callable[[], Json]) -> Callable[[Request], Response]:
    def endpoint(_: Request) -> Response:
        return _pretty(project())

    return endpoint


def _bundle(project: Callable[[], Json | None]) -> Callable[[Request], Response]:
    def endpoint(_: Request) -> Response:
        found = project()
        return _error("there is no certificate authority: serve --ca-dir", 404) if found is None else _pretty(found)

    return endpoint


def _awaited_json(project: Callable[[], Awaitable[Json]]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(_: Request) -> Response:
        return _pretty(await project())

    return endpoint


def _about_object(request: Request, project: Callable[[str], Json]) -> Response:
    try:
        return _pretty(project(request.query_params.get("object", "")))
    except MisnamedObjectError as error:
        return _error(str(error), 400)
    except UnknownObjectError as error:
        return _error(str(error), 404)


def _pretty(value: Json) -> Response:
    return Response(json.dumps(value, indent=2) + "\n", media_type="application/json")


def _error(reason: str, status: int) -> Response:
    return JSONResponse({"error": reason}, status_code=status)


class HttpServer:
    """Serves an application on one address inside the running event loop.

    Opening is separate from serving, so that a port in use is known before anything else starts.
    """

    def __init__(self, app: Starlette, host: str, port: int) -> None:
        """Binds at once. Raises OSError if the address cannot be bound. port 0: the system chooses."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=128)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        config.load()  # imports what it needs, which would hold up the event loop later
        self._server = _QuietServer(config)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        port: int = self._socket.getsockname()[1]
        return port

    async def serve(self) -> None:
        """Serves until `stop`, or until cancelled."""
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            self._socket.close()

    def close(self) -> None:
        """Gives the address up without having served."""
        self._socket.close()

    def stop(self) -> None:
        """Lets `serve` return once the requests under way are answered."""
        self._server.should_exit = True


class _QuietServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the supervisor's business."""
        yield
