"""The clients of a fan-out.

Orders: ``connect`` (so many at once; answers when all are configured), ``expect`` (a round: the next response of a type
on every stream), ``arrived`` (waits until the round is complete). Times are seconds of the system's monotonic clock,
which is the same for all processes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence

from grpc import aio  # type: ignore[import-untyped]  # grpcio ships no types

from bench.fanout.link import Answer, obey
from bench.fanout.mesh import node_id
from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, TypeUrl
from xds.wire.core_pb2 import Node
from xds.wire.discovery_pb2 import (
    DeltaDiscoveryRequest,
    DeltaDiscoveryResponse,
    DiscoveryRequest,
    DiscoveryResponse,
)
from xds.wire.splice import field

_ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService"
_NEXT = {CLUSTER: ENDPOINT, ENDPOINT: LISTENER, LISTENER: ROUTE}
_OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),  # a connection of its own, as every Envoy has
    ("grpc.max_receive_message_length", -1),
)
EXTENSIONS = b"".join(field(9, field(1, f"envoy.extension-{number:0100}".encode())) for number in range(500))
"""A stock Envoy's node lists some five hundred extensions, 61 kB of them."""

Names = Mapping[str, Sequence[str]]
"""By type, what a client asks for by name."""


class Delta:
    """Says what a delta client says, as bytes."""

    method = f"{_ADS}/DeltaAggregatedResources"
    decode = DeltaDiscoveryResponse.FromString

    def __init__(self, names: Names) -> None:
        self._subscribe = {
            type_url: DeltaDiscoveryRequest(
                type_url=type_url, resource_names_subscribe=names.get(type_url)
            ).SerializeToString()
            for type_url in _NEXT.values()
        }

    def first(self, node: Node) -> bytes:
        return DeltaDiscoveryRequest(type_url=CLUSTER, node=node).SerializeToString()

    def subscribe(self, type_url: TypeUrl) -> bytes:
        return self._subscribe[type_url]

    def accept(self, response: DeltaDiscoveryResponse) -> bytes:
        return DeltaDiscoveryRequest(type_url=response.type_url, response_nonce=response.nonce).SerializeToString()


class Sotw:
    """Says what a state-of-the-world client says, as bytes."""

    method = f"{_ADS}/StreamAggregatedResources"
    decode = DiscoveryResponse.FromString

    def __init__(self, names: Names) -> None:
        self._names = names

    def first(self, node: Node) -> bytes:
        return DiscoveryRequest(type_url=CLUSTER, node=node).SerializeToString()

    def subscribe(self, type_url: TypeUrl) -> bytes:
        return DiscoveryRequest(type_url=type_url, resource_names=self._names.get(type_url)).SerializeToString()

    def accept(self, response: DiscoveryResponse) -> bytes:
        return DiscoveryRequest(
            type_url=response.type_url,
            version_info=response.version_info,
            resource_names=self._names.get(response.type_url),
            response_nonce=response.nonce,
        ).SerializeToString()


VARIANTS: Mapping[str, type[Delta | Sotw]] = {"delta": Delta, "sotw": Sotw}


class Round:
    """A response of one type on every stream: how many are to come, and when the last one came."""

    def __init__(self, type_url: str, missing: int) -> None:
        self.type_url = type_url
        self.missing = missing
        self.last = 0.0
        self.complete = asyncio.Event()

    def arrived(self) -> None:
        self.missing -= 1
        self.last = time.monotonic()
        if not self.missing:
            self.complete.set()


class Client:
    """One stream. round: what it has still to get a response for, if anything."""

    __slots__ = ("_asked", "_call", "_variant", "round")

    def __init__(self, channel: aio.Channel, variant: Delta | Sotw, configured: Round) -> None:
        self._variant = variant
        self._call = channel.stream_stream(variant.method)()
        self._asked = {CLUSTER}
        self.round: Round | None = configured

    async def run(self, number: int) -> None:
        """Raises EOFError if the server ends the stream."""
        node = Node.FromString(Node(id=node_id(number)).SerializeToString() + EXTENSIONS)
        await self._call.write(self._variant.first(node))
        while isinstance(data := await self._call.read(), bytes):
            response = type(self._variant).decode(data)
            if self.round is not None and self.round.type_url == response.type_url:
                self.round.arrived()
                self.round = None
            for request in self._answers(response):
                await self._call.write(request)
        raise EOFError(f"the stream has ended: {await self._call.details()}")

    def _answers(self, response: DeltaDiscoveryResponse | DiscoveryResponse) -> Iterator[bytes]:
        yield self._variant.accept(response)  # type: ignore[arg-type]  # it decoded the response itself
        following = _NEXT.get(TypeUrl(response.type_url))
        if following is not None and following not in self._asked:
            self._asked.add(following)
            yield self._variant.subscribe(following)


class Clients:
    """All of them. See the module for what they are told."""

    def __init__(self) -> None:
        self._channels: list[aio.Channel] = []
        self._clients: list[Client] = []
        self._running: list[asyncio.Task[None]] = []
        self._round = Round(ROUTE, 0)

    async def do(self, order: str, details: Answer) -> Answer:
        match order:
            case "connect":
                return await self._connect(**details)
            case "expect":
                return self._expect(**details)
            case "arrived":
                return await self._arrived()
        raise ValueError(f"there is no order {order!r}")

    async def _connect(self, port: int, variant: str, names: Names, streams: int, connections: int) -> Answer:
        speaks, at = VARIANTS[variant](names), time.monotonic()
        self._round = Round(ROUTE, streams)
        self._channels = [aio.insecure_channel(f"127.0.0.1:{port}", options=_OPTIONS) for _ in range(connections)]
        for number in range(streams):
            client = Client(self._channels[number % connections], speaks, self._round)
            self._clients.append(client)
            self._running.append(asyncio.create_task(client.run(len(self._clients))))
        return {"at": at, **await self._arrived()}

    def _expect(self, type_url: str) -> Answer:
        self._round = Round(type_url, len(self._clients))
        for client in self._clients:
            client.round = self._round
        return {}

    async def _arrived(self) -> Answer:
        """Raises what ended a client, if one has ended."""
        complete = asyncio.create_task(self._round.complete.wait())
        done, _ = await asyncio.wait((complete, *self._running), return_when=asyncio.FIRST_COMPLETED)
        for task in done - {complete}:
            task.result()
        return {"last": self._round.last}


if __name__ == "__main__":
    asyncio.run(obey(Clients().do))
