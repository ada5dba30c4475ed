"""The secure side of the server: TLS, callers that prove who they are, and certificates for them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import grpc  # type: ignore[import-untyped]  # grpcio ships no types

from xds.model.proxy import Proxy
from xds.server import certificates
from xds.server.certificates import CertificateService, Sign
from xds.server.front import Contexts, Peers, TlsFront
from xds.server.guard import Call
from xds.server.identity import Callers, Identify, IdentityError, proven
from xds.server.reports import Reports


@dataclass(frozen=True, slots=True)
class Security:
    """What the server needs of whoever knows keys. contexts: for a TLS handshake that begins now."""

    contexts: Contexts
    identify: Identify
    sign: Sign


class SecureSide:
    """Listens for TLS, and knows of every call whether it came that way, and from whom."""

    def __init__(self, security: Security, reports: Reports) -> None:
        self._security = security
        self._reports = reports
        self._peers = Peers()
        self._callers = Callers(self._peers, security.identify, reports)
        self._serving: asyncio.Task[None] | None = None

    def handlers(self) -> dict[str, dict[str, grpc.RpcMethodHandler[bytes, bytes]]]:
        """The services that it brings, by name and method."""
        service = CertificateService(self._security.sign, self._callers, self._reports)
        return {certificates.SERVICE: {certificates.METHOD: grpc.unary_unary_rpc_method_handler(service.create)}}

    def start(self, host: str, port: int, upstream: int) -> int:
        """Listens; gives the port. upstream: of the gRPC server on loopback. Raises OSError."""
        front = TlsFront(host, port, self._security.contexts, self._peers, self._reports)
        self._serving = asyncio.create_task(front.serve(upstream))
        return front.port

    async def stop(self) -> None:
        """Ends every connection."""
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)

    async def admit(self, call: Call, method: str, proxy: Proxy) -> Proxy:
        """The proxy of a stream as it has proven to be; as it says, if the stream is in plain text.

        Ends the call as UNAUTHENTICATED or PERMISSION_DENIED.
        """
        if not self._callers.is_secure(call):
            return proxy
        identity = await self._callers.identity(call, method)
        try:
            return proven(proxy, identity)
        except IdentityError as error:
            self._reports.refused(call.peer(), method, str(error))
            await call.abort(grpc.StatusCode.PERMISSION_DENIED, str(error))
