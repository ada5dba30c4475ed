"""xDS over REST: ``POST /v3/discovery:clusters`` and its siblings, with JSON both ways.

A client polls, and says with ``version_info`` what it has; it gets 304 if that is still so. There is no stream, so
nothing is ordered, and nobody knows whether the client accepted what it got: gRPC is better in everything but reach.

Source: the REST mapping of the xDS services in ``envoy.service.*.v3``.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from google.protobuf.json_format import Parse, ParseError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from xds.config.node import parse_node as parse_istio_node
from xds.protocol import RemoteProtocolError
from xds.protocol.framing import batch_version
from xds.protocol.interest import Interest
from xds.protocol.limits import LimitExceededError, check_names
from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET, Resource, ResourceSet, TypeUrl
from xds.resources.types import EXTENSION_CONFIG, RUNTIME, SCOPED_ROUTE
from xds.server.exposure import as_reached
from xds.server.node import ParseNode, proxy_of
from xds.server.reports import Once, Reports, shortened
from xds.server.source import SnapshotSource
from xds.wire.discovery_pb2 import DiscoveryRequest
from xds.wire.protojson import any_to_json

PATHS: Mapping[str, TypeUrl] = MappingProxyType(
    {
        "/v3/discovery:clusters": CLUSTER,
        "/v3/discovery:endpoints": ENDPOINT,
        "/v3/discovery:listeners": LISTENER,
        "/v3/discovery:routes": ROUTE,
        "/v3/discovery:scoped-routes": SCOPED_ROUTE,
        "/v3/discovery:secrets": SECRET,
        "/v3/discovery:runtime": RUNTIME,
        "/v3/discovery:extension_configs": EXTENSION_CONFIG,
    }
)
"""Every path that is served, and its type."""

MAX_BODY_BYTES = 1 << 20
"""How much a client may post: its node, some 100 kB of an Envoy, and ten thousand names."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client should have. version: of exactly these resources."""

    type_url: TypeUrl
    version: str
    resources: tuple[Resource, ...]

    def encode(self) -> bytes:
        """A ``DiscoveryResponse`` in protobuf's JSON mapping."""
        resources = [any_to_json(resource.type_url, resource.body) for resource in self.resources]
        document = {"version_info": self.version, "type_url": self.type_url, "resources": resources}
        return json.dumps(document).encode()


def create_rest_app(source: SnapshotSource, *, parse_node: ParseNode = parse_istio_node) -> Starlette:
    """The ASGI application. source: what each proxy should have."""
    reports = Reports(Once(time.monotonic), lambda _: None)

    def endpoint(type_url: TypeUrl) -> Callable[[Request], Awaitable[Response]]:
        async def discover(request: Request) -> Response:
            try:
                asked = _parse(await _body(request), type_url)
                return await _respond(asked, _answer(source, asked, type_url, parse_node, _address(request)))
            except RemoteProtocolError as error:
                reports.refused(_peer(request), request.url.path, str(error))
                return _error(str(error), 413 if isinstance(error, LimitExceededError) else 400)
            except ClientDisconnect:
                return _error("the client went away", 400)
            except Exception as error:  # noqa: BLE001 - a defect that one client brings out: logged whole, once
                reports.failed(_peer(request), request.url.path, error)
                return _error("the server failed; its log says how", 500)

        return discover

    return Starlette(routes=[Route(path, endpoint(type_url), methods=["POST"]) for path, type_url in PATHS.items()])


async def _respond(asked: DiscoveryRequest, answer: Answer | None) -> Response:
    if answer is None:
        return _error("the configuration has not been read yet", 503)
    if asked.version_info == answer.version:
        return Response(status_code=304)
    return Response(await asyncio.to_thread(answer.encode), media_type="application/json")


def _error(reason: str, status: int) -> Response:
    return JSONResponse({"error": shortened(reason)}, status)


async def _body(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise LimitExceededError(f"the request has more than {MAX_BODY_BYTES} bytes")
        parts.append(part)
    return b"".join(parts)


def _parse(body: bytes, type_url: TypeUrl) -> DiscoveryRequest:
    try:
        request = Parse(body, DiscoveryRequest(), ignore_unknown_fields=True)
    except (ParseError, UnicodeDecodeError, RecursionError):
        raise RemoteProtocolError("this is not a DiscoveryRequest in JSON") from None
    if request.type_url not in ("", type_url):
        raise RemoteProtocolError(f"this path serves {type_url}, not {request.type_url}")
    check_names(len(request.resource_names))
    return request


def _answer(
    source: SnapshotSource, request: DiscoveryRequest, type_url: TypeUrl, parse_node: ParseNode, address: str
) -> Answer | None:
    """None while it is not known what the proxy should have."""
    proxy = as_reached(proxy_of(request.node if request.HasField("node") else None, parse_node), address)
    subscription = source.connect(proxy, lambda: None)
    try:
        snapshot = subscription.latest()
    finally:
        subscription.close()
    return None if snapshot is None else _select(type_url, snapshot[type_url], request.resource_names)


def _select(type_url: TypeUrl, resources: ResourceSet, names: Iterable[str]) -> Answer:
    interest = Interest(type_url)
    interest.replace(names)
    if interest.wildcard:
        return Answer(type_url, resources.version, tuple(resources))
    wanted = tuple(sorted(interest.select(resources), key=lambda resource: resource.name))
    return Answer(type_url, batch_version(wanted, ()), wanted)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _peer(request: Request) -> str:
    return f"{request.client.host}:{request.client.port}" if request.client else ""
