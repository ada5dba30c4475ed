"""Calls to other services by their mesh host names: header propagation, timeouts, retries, bounded answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import TypeVar

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from pydantic import ValidationError

from examples.bookinfo.services.options import Options
from examples.bookinfo.services.shapes import Failure, Reason, Shape

MAX_ANSWER_BYTES = 256 * 1024
MAX_QUOTED_CHARACTERS = 120

# A sidecar sees two unrelated connections: only the application can tell it that a call belongs to a request.
FORWARDED_HEADERS = (
    "end-user",
    "user-agent",
    "authorization",
    "cookie",
    "x-request-id",
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
    "x-ot-span-context",
    "x-cloud-trace-context",
    "grpc-trace-bin",
    "sw8",
)

S = TypeVar("S", bound=Shape)


class NeighbourError(Exception):
    """A neighbour gave no usable answer. It is the neighbour's or the network's fault, never the caller's."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure

    @property
    def transient(self) -> bool:
        """Whether the same call may succeed when repeated."""
        return self.failure.code >= HTTPStatus.INTERNAL_SERVER_ERROR


class Neighbours:
    """A client for other services, for as long as its session is open."""

    def __init__(self, session: aiohttp.ClientSession, options: Options) -> None:
        self._session = session
        self._proxy = options.http_proxy
        self._timeout = options.neighbour_timeout

    async def get(self, host: str, path: str, shape: type[S], headers: CIMultiDict[str], retries: int = 0) -> S:
        """The answer to ``GET http://host:9080/path``. Repeats a transient failure ``retries`` times.

        Raises NeighbourError for a timeout, a broken connection, a status other than 200 and a body not of ``shape``.
        """
        try:
            return _parse(host, shape, await self._body(host, path, headers))
        except NeighbourError as error:
            if retries == 0 or not error.transient:
                raise
        return await self.get(host, path, shape, headers, retries - 1)

    async def _body(self, host: str, path: str, headers: CIMultiDict[str]) -> bytes:
        url = f"http://{host}:9080/{path}"
        try:
            async with self._session.get(url, headers=headers, proxy=self._proxy, allow_redirects=False) as response:
                body = await _read_bounded(response)
        except TimeoutError as error:
            message = f"{host} did not answer within {self._timeout:g} s"
            raise _failed(Reason.TIMEOUT, HTTPStatus.GATEWAY_TIMEOUT, message) from error
        except aiohttp.ClientError as error:
            message = f"{host} is unreachable: {error}"
            raise _failed(Reason.UNREACHABLE, HTTPStatus.SERVICE_UNAVAILABLE, message) from error
        if response.status != HTTPStatus.OK:
            code = response.status if response.status >= HTTPStatus.BAD_REQUEST else HTTPStatus.BAD_GATEWAY
            raise _failed(Reason.STATUS, code, f"{host} answered {response.status}{_quoted(body)}")
        return body


def forwarded_headers(request: web.Request) -> CIMultiDict[str]:
    """The headers of ``request`` that calls made on its behalf carry on: the user, the session and the trace."""
    values = ((name, value) for name in FORWARDED_HEADERS for value in request.headers.getall(name, ()))
    return CIMultiDict((name, value) for name, value in values if sendable(value))


def sendable(value: str) -> bool:
    """Whether a received header value can be sent on: bytes that are not UTF-8 were received as lone surrogates."""
    return value.isprintable()


def neighbours_context(
    options: Options, key: web.AppKey[Neighbours]
) -> Callable[[web.Application], AsyncIterator[None]]:
    """A cleanup context for ``Application.cleanup_ctx`` with a client under ``key`` while the application runs."""

    async def context(app: web.Application) -> AsyncIterator[None]:
        timeout = aiohttp.ClientTimeout(total=options.neighbour_timeout)
        async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
            app[key] = Neighbours(session, options)
            yield

    return context


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise aiohttp.ClientPayloadError(f"answer is longer than {MAX_ANSWER_BYTES} bytes")
    return bytes(body)


def _parse(host: str, shape: type[S], body: bytes) -> S:
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        message = f"{host} answered something else than {shape.__name__}"
        raise _failed(Reason.MALFORMED, HTTPStatus.BAD_GATEWAY, message) from error


def _failed(reason: Reason, code: int, message: str) -> NeighbourError:
    return NeighbourError(Failure(reason=reason, code=int(code), message=message))


def _quoted(body: bytes) -> str:
    text = " ".join(body[:MAX_QUOTED_CHARACTERS].decode(errors="replace").split())
    return f": {text}" if text else ""
