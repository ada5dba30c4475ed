"""The stream of an agent beside a workload: it asks how to look at the workload, and tells what it has seen.

It is one of delta xDS that begins with a request for a ``ReadinessProbe``, and is never sent anything else. As long as
it lasts, the workload is registered.
"""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Final

from xds.model.proxy import Proxy
from xds.protocol.requests import decode_delta
from xds.resources import TypeUrl
from xds.server.registrar import HEALTH_INFORMATION, Registrar
from xds.server.session import Wire
from xds.wire.discovery_pb2 import DeltaDiscoveryResponse, Resource

READINESS_PROBE: Final = TypeUrl("type.googleapis.com/istio.networking.v1alpha3.ReadinessProbe")


class AgentStream:
    """See the module. proxy: as it has proven to be."""

    def __init__(self, wire: Wire, proxy: Proxy, registrar: Registrar) -> None:
        self._wire = wire
        self._proxy = proxy
        self._registrar = registrar
        self._awake = asyncio.Event()
        self._ending = False

    def end(self) -> None:
        """Stop serving it."""
        self._ending = True
        self._awake.set()

    async def run(self) -> None:
        """Until the agent ends it, or `end` is called. Raises RemoteProtocolError if it breaks the protocol."""
        self._registrar.arrived(self._proxy)
        unsubscribe = self._registrar.subscribe(self._awake.set)
        reader = asyncio.create_task(self._read())
        reader.add_done_callback(lambda _: self._awake.set())
        try:
            await self._write(reader)
            if reader.done():
                reader.result()
        finally:
            unsubscribe()
            self._registrar.left(self._proxy)
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _write(self, reader: asyncio.Task[None]) -> None:
        """Sends what is new about the probe, and that there is none too."""
        sent: bytes | None = None
        numbers = count(1)
        while not (reader.done() or self._ending):
            self._awake.clear()
            probe = self._registrar.probe(self._proxy)
            if probe != sent:
                sent = probe
                await self._wire.write(_response(self._proxy.group, probe, next(numbers)))
            await self._awake.wait()

    async def _read(self) -> None:
        while isinstance(data := await self._wire.read(), bytes):
            request = decode_delta(data).request
            if request.type_url == HEALTH_INFORMATION:
                self._registrar.told(self._proxy, request.error.message if request.error is not None else None)


def _response(group: str, probe: bytes, number: int) -> bytes:
    response = DeltaDiscoveryResponse(type_url=READINESS_PROBE, nonce=str(number))
    if probe:
        resource = Resource(name=group)
        resource.resource.type_url, resource.resource.value = READINESS_PROBE, probe
        response.resources.append(resource)
    else:
        response.removed_resources.append(group)
    return response.SerializeToString()
