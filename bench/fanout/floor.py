"""The same messages with nothing behind them: what gRPC for Python costs by itself.

Takes the orders of `server` and answers them alike. Every stream is told what the real server would tell it, put
together beforehand; a request that answers a response is read and counted.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
from grpc import aio

from bench.case import Size
from bench.fanout.link import Answer, obey
from bench.fanout.mesh import CHANGES, files, replica
from bench.fanout.server import names_in, usage
from bench.plane import Plane
from xds.app import garbage
from xds.protocol import Batch, DeltaBatch, SotwBatch
from xds.resources import CLUSTER, ENDPOINT, TYPE_ORDER, TypeUrl
from xds.server.server import OPTIONS
from xds.server.session import Wire
from xds.wire.discovery_pb2 import DeltaDiscoveryRequest, DiscoveryRequest

_SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"
_KINDS: Mapping[str, TypeUrl] = {"endpoint": ENDPOINT, "cluster": CLUSTER}
_LOOK = 0.01

Handler = Callable[[object, Wire], Awaitable[None]]


class FloorServer:
    """See the module."""

    def __init__(self, size: Size) -> None:
        self._size = size
        self._plane = Plane()
        self._plane.fold(self._plane.parse(files(size)))
        self._snapshot = self._plane.compile(replica())
        self._calls: dict[Wire, type[Batch]] = {}
        self._batches: dict[tuple[type[Batch], TypeUrl], Batch] = {
            (kind, url): kind(url, tuple(self._snapshot[url])) for kind in (DeltaBatch, SotwBatch) for url in TYPE_ORDER
        }
        self._unanswered = 0

    async def do(self, order: str, details: Answer) -> Answer:
        match order:
            case "start":
                return await self._start()
            case "change":
                return await self._change(**details)
            case "settled":
                return await self._settled()
            case "usage":
                return usage()
        raise ValueError(f"there is no order {order!r}")

    async def _start(self) -> Answer:
        self._server = aio.server(options=OPTIONS)
        methods = {
            "DeltaAggregatedResources": self._handler(DeltaDiscoveryRequest, DeltaBatch),
            "StreamAggregatedResources": self._handler(DiscoveryRequest, SotwBatch),
        }
        handlers = {name: grpc.stream_stream_rpc_method_handler(handler) for name, handler in methods.items()}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, handlers),))
        garbage.keep_what_is_there()
        port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()
        return {"port": port, "names": names_in(self._snapshot)}

    def _handler(self, request_type: type[DeltaDiscoveryRequest | DiscoveryRequest], kind: type[Batch]) -> Handler:
        async def handle(_: object, call: Wire) -> None:
            self._calls[call] = kind
            while isinstance(data := await call.read(), bytes):
                request = request_type.FromString(data)
                if request.response_nonce:
                    self._unanswered -= 1
                else:
                    await self._say(call, self._batches[kind, TypeUrl(request.type_url)])
            del self._calls[call]

        return handle

    async def _say(self, call: Wire, batch: Batch) -> None:
        self._unanswered += 1
        await call.write(batch.encode("1"))

    async def _change(self, kind: str, number: int) -> Answer:
        path, text = CHANGES[kind](self._size, number)
        begun, at = usage(), time.monotonic()
        before, self._snapshot = self._snapshot, self._plane.change(path, text, replica())
        type_url = _KINDS[kind]
        resources = self._snapshot[type_url]
        diff = resources.diff(before[type_url])
        batches: dict[type[Batch], Batch] = {
            DeltaBatch: DeltaBatch(type_url, *diff),
            SotwBatch: SotwBatch(type_url, tuple(resources)),
        }
        made = usage()
        await asyncio.gather(*(self._say(call, batches[kind]) for call, kind in self._calls.items()))
        return {"at": at, "cpu": made["cpu"], "made": made["cpu"] - begun["cpu"]}

    async def _settled(self) -> Answer:
        while self._unanswered:  # noqa: ASYNC110 - it is only counted
            await asyncio.sleep(_LOOK)
        return {**usage(), "streams": len(self._calls)}


if __name__ == "__main__":
    garbage.look_less_often()
    asyncio.run(obey(FloorServer(Size(**json.loads(sys.argv[1]))).do))
