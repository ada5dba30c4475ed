"""A raw xDS client: says exactly what a test tells it to, and never answers by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Generic, Self, TypeVar

from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from grpc import aio  # type: ignore[import-untyped]  # grpcio ships no types

from xds.resources import Reference, Resource, ResourceSet, Snapshot, TypeUrl
from xds.server import BroadcastSource, StatusBoard, XdsServer
from xds.wire.core_pb2 import Node
from xds.wire.discovery_pb2 import (
    DeltaDiscoveryRequest,
    DeltaDiscoveryResponse,
    DiscoveryRequest,
    DiscoveryResponse,
    Status,
)

ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService"
NODE_ID = "sidecar~127.77.1.1~app.default~default.svc.cluster.local"
SOON = 3.0
"""Seconds within which everything that is expected must have happened."""
QUIET = 0.15
"""Seconds of silence that count as no response."""


def node(node_id: str = NODE_ID, **metadata: str) -> Node:
    fields = Struct()
    fields.update(metadata)
    return Node(id=node_id, metadata=fields)


def resource(type_url: TypeUrl, name: str, content: str = "1", references: Iterable[Reference] = ()) -> Resource:
    """A resource whose content no raw client looks into."""
    return Resource.of(type_url, name, content.encode(), tuple(references))


def snapshot(*resources: Resource) -> Snapshot:
    types = dict.fromkeys(resource.type_url for resource in resources)
    return Snapshot({url: ResourceSet.of(each for each in resources if each.type_url == url) for url in types})


Response = TypeVar("Response", bound=Message)


class RawStream(Generic[Response]):
    """What both variants have in common: a call and the responses that it gets."""

    def __init__(
        self,
        channel: aio.Channel,
        method: str,
        decode: Callable[[bytes], Response],
        metadata: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.call = channel.stream_stream(method)(metadata=tuple(metadata))
        self.decode: Callable[[bytes], Response] = decode

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.call.cancel()

    async def receive(self) -> Response:
        """The next response, which must come soon."""
        async with asyncio.timeout(SOON):
            data = await self.call.read()
        assert isinstance(data, bytes), f"the stream has ended: {self.call}"
        return self.decode(data)

    async def receive_all(self, count: int) -> list[Response]:
        return [await self.receive() for _ in range(count)]

    async def assert_quiet(self, seconds: float = QUIET) -> None:
        """No response comes. Nothing can be received from this stream afterwards."""
        read = asyncio.ensure_future(self.call.read())
        done, _ = await asyncio.wait({read}, timeout=seconds)
        read.cancel()
        assert not done, f"unexpected: {self.decode(read.result())}"

    async def end_status(self) -> tuple[str, str]:
        """The gRPC status with which the server ends the stream."""
        async with asyncio.timeout(SOON):
            code = await self.call.code()
            return code.name, await self.call.details()


class SotwStream(RawStream[DiscoveryResponse]):
    """State of the world."""

    async def request(
        self,
        type_url: str,
        *names: str,
        answers: DiscoveryResponse | None = None,
        version: str | None = None,
        nonce: str | None = None,
        error: str = "",
        who: Node | None = None,
    ) -> None:
        """Ask. answers: the response whose version and nonce this carries."""
        await self.call.write(
            DiscoveryRequest(
                node=who,
                type_url=type_url,
                resource_names=names,
                version_info=version if version is not None else (answers.version_info if answers else ""),
                response_nonce=nonce if nonce is not None else (answers.nonce if answers else ""),
                error_detail=Status(code=3, message=error) if error else None,
            ).SerializeToString()
        )


class DeltaStream(RawStream[DeltaDiscoveryResponse]):
    """Delta."""

    async def request(
        self,
        type_url: str,
        subscribe: Iterable[str] = (),
        unsubscribe: Iterable[str] = (),
        *,
        initial: Mapping[str, str] | None = None,
        answers: DeltaDiscoveryResponse | None = None,
        nonce: str | None = None,
        error: str = "",
        who: Node | None = None,
    ) -> None:
        """Ask. answers: the response whose nonce this carries."""
        await self.call.write(
            DeltaDiscoveryRequest(
                node=who,
                type_url=type_url,
                resource_names_subscribe=tuple(subscribe),
                resource_names_unsubscribe=tuple(unsubscribe),
                initial_resource_versions=initial,
                response_nonce=nonce if nonce is not None else (answers.nonce if answers else ""),
                error_detail=Status(code=3, message=error) if error else None,
            ).SerializeToString()
        )


class Fixture:
    """A server on a port of its own, what it serves, and a channel to it."""

    def __init__(self, server: XdsServer, source: BroadcastSource, channel: aio.Channel, port: int) -> None:
        self.server = server
        self.source = source
        self.channel = channel
        self.port = port

    @property
    def board(self) -> StatusBoard:
        return self.server.board

    def publish(self, *resources: Resource) -> None:
        self.source.publish(snapshot(*resources))

    def sotw(self, method: str = f"{ADS}/StreamAggregatedResources") -> SotwStream:
        return SotwStream(self.channel, method, DiscoveryResponse.FromString)

    def delta(self, method: str = f"{ADS}/DeltaAggregatedResources") -> DeltaStream:
        return DeltaStream(self.channel, method, DeltaDiscoveryResponse.FromString)


@asynccontextmanager
async def serving(patience: float = 20.0) -> AsyncIterator[Fixture]:
    source = BroadcastSource(Snapshot({}))
    server = XdsServer(source, patience=patience)
    port = await server.start("127.0.0.1:0")
    try:
        async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Fixture(server, source, channel, port)
    finally:
        await server.stop(0.5)


def names(response: DeltaDiscoveryResponse) -> list[str]:
    return [each.name for each in response.resources]


def contents(response: DiscoveryResponse) -> list[str]:
    return [each.value.decode() for each in response.resources]
