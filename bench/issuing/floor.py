"""A server that answers every request with the same bytes, in plain text: what gRPC for Python takes by itself.

Takes the orders of `server` and answers them alike; it needs no folder, and leaves the one it is given alone.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
from grpc import aio

from bench.fanout.link import Answer, obey
from bench.fanout.server import usage
from bench.issuing.server import TRUST_DOMAIN
from xds.app import garbage
from xds.app.security import open_authority
from xds.ca.encoding import certificates_pem
from xds.ca.keyed import keyed_svid
from xds.model.identity import SpiffeId
from xds.server import certificates
from xds.server.server import OPTIONS
from xds.wire.istio_ca_pb2 import IstioCertificateResponse


class FloorServer:
    """See the module."""

    async def do(self, order: str, details: Answer) -> Answer:
        match order:
            case "start":
                return await self._start(**details)
            case "usage":
                return usage()
        raise ValueError(f"there is no order {order!r}")

    async def _start(self, workloads: int) -> Answer:
        answer = _answer()

        async def create(_: bytes, __: object) -> bytes:
            return answer

        self._server = aio.server(options=OPTIONS)
        handlers = {certificates.METHOD: grpc.unary_unary_rpc_method_handler(create)}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(certificates.SERVICE, handlers),))
        port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()
        garbage.keep_what_is_there()
        return {"port": port, "root": "", "svids": [["", ""]] * workloads}


def _answer() -> bytes:
    """As large as a real one."""
    with tempfile.TemporaryDirectory() as folder:
        authority = open_authority(Path(folder) / "ca", TRUST_DOMAIN)
        issued = keyed_svid(authority, SpiffeId.of_workload(TRUST_DOMAIN, "default", "w")).issued
    chain = [certificates_pem([certificate]).decode() for certificate in issued.chain]
    return IstioCertificateResponse(cert_chain=chain).SerializeToString()


if __name__ == "__main__":
    garbage.look_less_often()
    asyncio.run(obey(FloorServer().do))
