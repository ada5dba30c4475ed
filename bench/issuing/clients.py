"""The workloads: each has a connection of its own, proves itself by its certificate, and asks for others.

Orders: ``know`` (where the server is, and who they are), ``connect`` (opens all connections), ``ask`` (each asks so
often, one request after the other; answers with the moments at which that began and the last had its answer),
``close``. Times are seconds of the system's monotonic clock, which is the same for all processes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
from cryptography.hazmat.primitives.asymmetric import ec
from grpc import aio

from bench.fanout.link import Answer, obey
from xds.ca.keyed import new_request
from xds.server import certificates
from xds.wire.istio_ca_pb2 import IstioCertificateRequest, IstioCertificateResponse

_METHOD: Final = f"/{certificates.SERVICE}/{certificates.METHOD}"
_OPTIONS: Final = (("grpc.use_local_subchannel_pool", 1),)
_SECONDS: Final = 60.0


class Clients:
    """See the module."""

    def __init__(self) -> None:
        self._port, self._root, self._svids = 0, "", list[tuple[str, str]]()
        self._request = b""
        self._channels: list[aio.Channel] = []

    async def do(self, order: str, details: Answer) -> Answer:
        match order:
            case "know":
                self._know(**details)
                return {}
            case "connect":
                await self._connect()
                return {}
            case "ask":
                return await self._ask(**details)
            case "close":
                await asyncio.gather(*(channel.close() for channel in self._channels))
                self._channels = []
                return {}
        raise ValueError(f"there is no order {order!r}")

    def _know(self, port: int, root: str, svids: Sequence[tuple[str, str]]) -> None:
        csr = new_request(ec.generate_private_key(ec.SECP256R1()))
        self._request = IstioCertificateRequest(csr=csr, validity_duration=3600).SerializeToString()
        self._port, self._root, self._svids = port, root, list(svids)

    async def _connect(self) -> None:
        self._channels = [self._channel(*svid) for svid in self._svids]
        async with asyncio.timeout(_SECONDS):
            await asyncio.gather(*(channel.channel_ready() for channel in self._channels))

    def _channel(self, chain: str, key: str) -> aio.Channel:
        address = f"127.0.0.1:{self._port}"
        if not self._root:
            return aio.insecure_channel(address, options=_OPTIONS)
        credentials = grpc.ssl_channel_credentials(self._root.encode(), key.encode(), chain.encode())
        return aio.secure_channel(address, credentials, options=_OPTIONS)

    async def _ask(self, times: int) -> Answer:
        begun = time.monotonic()
        if not self._channels:
            self._channels = [self._channel(*svid) for svid in self._svids]
        await asyncio.gather(*(self._asking(channel, times) for channel in self._channels))
        return {"begun": begun, "ended": time.monotonic()}

    async def _asking(self, channel: aio.Channel, times: int) -> None:
        call = channel.unary_unary(_METHOD)
        for _ in range(times):
            answer = await call(self._request, timeout=_SECONDS, wait_for_ready=True)
            if not IstioCertificateResponse.FromString(answer).cert_chain:
                raise ValueError("there is no certificate in the answer")


if __name__ == "__main__":
    asyncio.run(obey(Clients().do))
