"""The server of a fan-out: everything that ``pilothouse serve`` has, but for files and HTTP.

Orders: ``start`` (its port, and what a client will ask for by name), ``change`` (when it began, what it took until the
resources of the view were there, and what the process had used then), ``settled`` (waits until every stream has
accepted the latest), ``usage`` (CPU time in ms and resident memory in MB, of this process).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from prometheus_client import CollectorRegistry

import translators
from bench.case import Size
from bench.fanout.link import Answer, obey
from bench.fanout.mesh import CHANGES, files, replica
from bench.stopwatch import current_rss
from xds.app import garbage
from xds.app.convergence import Convergence
from xds.app.metrics import Metrics
from xds.app.store import Store
from xds.model.settings import MeshSettings
from xds.pipeline import Pipeline
from xds.resources import CLUSTER, LISTENER, Snapshot
from xds.server import StatusBoard, XdsServer
from xds.sources.batch import Batch

_LOOK = 0.01
_TIDY = 10


class FanOutServer:
    """See the module."""

    def __init__(self, size: Size) -> None:
        self._size = size
        metrics = Metrics(CollectorRegistry())
        convergence = Convergence(metrics, lambda key: self._store.locate(key))
        self._store = Store(Pipeline(translators.DEFAULT), MeshSettings(), time.time, observers=[convergence])
        self._board = StatusBoard(time.time, [metrics, convergence])
        self._server = XdsServer(self._store, self._board)
        self._changes = 0

    async def do(self, order: str, details: Answer) -> Answer:
        match order:
            case "start":
                return await self._start()
            case "change":
                return self._change(**details)
            case "settled":
                return await self._settled()
            case "usage":
                return usage()
        raise ValueError(f"there is no order {order!r}")

    async def _start(self) -> Answer:
        self._store.apply(Batch(files(self._size)))
        snapshot = self._store.compile(replica()).snapshot
        garbage.keep_what_is_there()
        return {"port": await self._server.start("127.0.0.1:0"), "names": names_in(snapshot)}

    def _change(self, kind: str, number: int) -> Answer:
        path, text = CHANGES[kind](self._size, number)
        self._changes += 1
        if self._changes % _TIDY == 0:
            self._store.tidy()
        before, at = usage(), time.monotonic()
        self._store.apply(Batch({path: text}))
        self._store.compile(replica())
        made = usage()
        return {"at": at, "cpu": made["cpu"], "made": made["cpu"] - before["cpu"]}

    async def _settled(self) -> Answer:
        latest = self._store.compile(replica()).snapshot
        while any(stream.snapshot is not latest for stream in self._board.streams):  # noqa: ASYNC110 - a board is read
            await asyncio.sleep(_LOOK)
        return {**usage(), "streams": len(self._board.streams)}


def names_in(snapshot: Snapshot) -> dict[str, list[str]]:
    """What an Envoy with these clusters and listeners subscribes to, by type."""
    names: dict[str, list[str]] = {}
    for resource in (*snapshot[CLUSTER], *snapshot[LISTENER]):
        for reference in resource.references:
            names.setdefault(reference.type_url, []).append(reference.name)
    return names


def usage() -> Answer:
    """What this process has used: CPU time, user and system, of all threads, in ms; resident memory in MB."""
    return {"cpu": time.process_time_ns() / 1e6, "rss": current_rss()}


if __name__ == "__main__":
    garbage.look_less_often()
    asyncio.run(obey(FanOutServer(Size(**json.loads(sys.argv[1]))).do))
