"""Services that decide on requests, over gRPC and over HTTP: by what is in the path, and the same every time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
from aiohttp import web
from envoy_data_plane.envoy.config.core.v3 import HeaderValue, HeaderValueOption
from envoy_data_plane.envoy.service.auth.v3 import CheckRequest, CheckResponse, DeniedHttpResponse, OkHttpResponse
from envoy_data_plane.envoy.type.v3 import HttpStatus, StatusCode
from envoy_data_plane.google.rpc import Status
from grpc.aio import ServicerContext  # type: ignore[import-untyped]  # grpcio ships no types

from xds.wire.encode import encode

OK, REFUSED, SLOW = "ok", "refused", "slow"
"""What paths begin with, behind that of the provider: requests that are allowed, refused, and never answered."""

ALLOWING = {"x-user": "ann", "x-user-group": "staff", "x-internal": "1"}
"""Headers of an answer that allows."""

REFUSING = {"x-reason": "closed", "x-internal": "1"}
BODY = "not today"
STATUS = 418
_PERMISSION_DENIED = 7


@dataclass(frozen=True, slots=True)
class Asked:
    """What an authorizer was asked about. path: with its query; empty for a connection. text: whether the body came as
    text. source, port: where the client is, as far as it is told."""

    method: str = ""
    path: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    text: bool = False
    source: str = ""
    port: int = 0


@dataclass
class Authorizer:
    """A service and all that it has been asked. barred: what it refuses all the same: ``ADDRESS`` or ``ADDRESS:PORT``
    of clients."""

    asked: list[Asked] = field(default_factory=list)
    barred: set[str] = field(default_factory=set)

    def about(self, path: str) -> list[Asked]:
        """The checks of requests with this path."""
        return [asked for asked in self.asked if asked.path == path]

    async def allows(self, asked: Asked) -> bool:
        """Whether it is allowed; never, if the client is to wait."""
        self.asked.append(asked)
        if f"/{SLOW}" in asked.path:
            await asyncio.Event().wait()
        return f"/{REFUSED}" not in asked.path and not {asked.source, f"{asked.source}:{asked.port}"} & self.barred


@asynccontextmanager
async def grpc_authorizer(address: str, port: int) -> AsyncIterator[Authorizer]:
    """``envoy.service.auth.v3.Authorization``, which listens while the context is open."""
    authorizer = Authorizer()

    async def check(message: bytes, _context: ServicerContext) -> bytes:
        return encode(_response(allowed=await authorizer.allows(_asked(CheckRequest.parse(message)))))

    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(check)
    service = grpc.method_handlers_generic_handler("envoy.service.auth.v3.Authorization", {"Check": handler})
    server.add_generic_rpc_handlers((service,))
    server.add_insecure_port(f"{address}:{port}")
    await server.start()
    try:
        yield authorizer
    finally:
        await server.stop(None)


def _asked(check: CheckRequest) -> Asked:
    attributes = check.attributes
    assert attributes is not None
    assert attributes.source is not None
    assert attributes.source.address is not None
    peer = attributes.source.address.socket_address
    assert peer is not None
    assert peer.port_value is not None
    http = attributes.request.http if attributes.request is not None else None
    if http is None:
        return Asked(source=peer.address, port=peer.port_value)
    body = http.body.encode() or http.raw_body
    return Asked(http.method, http.path, http.headers, body, bool(http.body), peer.address, peer.port_value)


def _response(*, allowed: bool) -> CheckResponse:
    if allowed:
        kept = {name: value for name, value in ALLOWING.items() if name != "x-internal"}
        headers = OkHttpResponse(headers=_options(kept), response_headers_to_add=_options({"x-checked": "yes"}))
        return CheckResponse(status=Status(), ok_response=headers)
    denied = DeniedHttpResponse(
        status=HttpStatus(code=StatusCode.Forbidden), headers=_options({"x-reason": "closed"}), body=BODY
    )
    return CheckResponse(status=Status(code=_PERMISSION_DENIED), denied_response=denied)


def _options(headers: Mapping[str, str]) -> list[HeaderValueOption]:
    return [HeaderValueOption(header=HeaderValue(key=name, value=value)) for name, value in headers.items()]


@asynccontextmanager
async def http_authorizer(address: str, port: int) -> AsyncIterator[Authorizer]:
    """A server that is sent heads of requests, which listens while the context is open."""
    authorizer = Authorizer()

    async def check(request: web.BaseRequest) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = Asked(request.method, request.raw_path, headers, await request.read())
        if await authorizer.allows(asked):
            return web.Response(headers=ALLOWING)
        return web.Response(status=STATUS, headers=REFUSING, text=BODY)

    runner = web.ServerRunner(web.Server(check), shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port).start()
        yield authorizer
    finally:
        await runner.cleanup()
