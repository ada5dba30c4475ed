"""The secure side of the server: TLS, callers that prove who they are, and certificates for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc  # type: ignore[import-untyped]  # grpcio ships no types

from xds.model.proxy import Proxy
from xds.server import certificates, workload_identity
from xds.server.certificates import CertificateService, Sign
from xds.server.front import Contexts, IsRevoked, Peers, TlsFront
from xds.server.guard import Call
from xds.server.identity import Callers, Identify, IdentityError, proven
from xds.server.reports import Reports
from xds.server.workload_identity import Bundles, SignToken, WorkloadIdentityService

T = TypeVar("T")
R = TypeVar("R")
Served = Callable[[T, Call], Coroutine[Any, Any, R]]


@dataclass(frozen=True, slots=True)
class Security:
    """What the server needs of whoever knows keys. contexts: for a TLS handshake that begins now."""

    contexts: Contexts
    is_revoked: IsRevoked
    identify: Identify
    sign: Sign
    sign_token: SignToken
    bundles: Bundles


class SecureSide:
    """Listens for TLS, and knows of every call whether it came that way, and from whom."""

    def __init__(self, security: Security, reports: Reports) -> None:
        self._security = security
        self._reports = reports
        self._peers = Peers()
        self._callers = Callers(self._peers, security.identify, reports)
        self._front: TlsFront | None = None
        self._serving: asyncio.Task[None] | None = None
        bundles, sign_token = security.bundles, security.sign_token
        self._identities = WorkloadIdentityService(sign_token, bundles, self._callers, reports)

    def handlers(self) -> dict[str, dict[str, grpc.RpcMethodHandler[bytes, bytes]]]:
        """The services that it brings, by name and method."""
        signing = CertificateService(self._security.sign, self._callers, self._reports)
        return {
            certificates.SERVICE: {certificates.METHOD: grpc.unary_unary_rpc_method_handler(signing.create)},
            workload_identity.SERVICE: self._identities.handlers(),
        }

    def end_streams(self) -> None:
        """Ends the streams of its services, which would go on for as long as they may."""
        self._identities.end()

    def start(self, host: str, port: int, upstream: int) -> int:
        """Listens; gives the port. upstream: of the gRPC server on loopback. Raises OSError."""
        security = self._security
        self._front = TlsFront(host, port, security.contexts, security.is_revoked, self._peers, self._reports)
        self._serving = asyncio.create_task(self._front.serve(upstream))
        return self._front.port

    def end_revoked(self) -> None:
        """See `TlsFront.end_revoked`."""
        if self._front is not None:
            self._front.end_revoked()

    async def stop(self) -> None:
        """Ends every connection."""
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)

    def peer(self, call: Call) -> str:
        """See `Callers.peer`."""
        return self._callers.peer(call)

    def by_identity(self, method: str, handler: Served[T, R]) -> Served[T, R]:
        """The handler, for callers over TLS only if they prove who they are."""

        async def handle(request: T, call: Call) -> R:
            if self._callers.is_secure(call):
                await self._callers.identity(call, method)
            return await handler(request, call)

        return handle

    def plain_only(self, method: str, handler: Served[T, R]) -> Served[T, R]:
        """The handler, not for callers over TLS: it tells of all proxies, and none of them proves to be an operator."""

        async def handle(request: T, call: Call) -> R:
            if self._callers.is_secure(call):
                reason = f"{method} is served on the plaintext address only"
                self._reports.refused(self._callers.peer(call), method, reason)
                await call.abort(grpc.StatusCode.PERMISSION_DENIED, reason)
            return await handler(request, call)

        return handle

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
            self._reports.refused(self._callers.peer(call), method, str(error))
            await call.abort(grpc.StatusCode.PERMISSION_DENIED, str(error))
