"""What agents ask for beside certificates: tokens for their workloads, and the bundles of trust domains.

Our own service, ``pilothouse.v1.WorkloadIdentity``: see ``protos/xds/wire/workload_identity.proto``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
from google.protobuf.message import DecodeError

from xds.model.identity import SpiffeId
from xds.model.trust import TrustBundle
from xds.protocol import RemoteProtocolError
from xds.server.certificates import RefusedError
from xds.server.guard import Call, guarded
from xds.server.identity import Callers
from xds.server.reports import Reports
from xds.wire import workload_identity_pb2 as wire

SERVICE: Final = "pilothouse.v1.WorkloadIdentity"
CREATE_JWT_SVID: Final = "CreateJwtSvid"
STREAM_BUNDLES: Final = "StreamBundles"

_MAX_REQUEST: Final = 8 << 10


@dataclass(frozen=True, slots=True)
class SignedToken:
    """A JWT-SVID. expires: when it ends."""

    text: str
    expires: datetime


SignToken = Callable[[SpiffeId, Sequence[str]], SignedToken]
"""Who a token is for, and its audiences, to the token. Raises RefusedError."""


class Bundles(Protocol):
    """Knows what is trusted. For use in the event loop's thread."""

    def latest(self) -> tuple[TrustBundle, ...]:
        """The mesh's own bundle first: the same object until one of them changes."""

    def subscribe(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Calls ``wake``, which returns at once, whenever `latest` may have changed; gives what ends that."""


class WorkloadIdentityService:
    """Answers whoever has proven an identity."""

    def __init__(self, sign: SignToken, bundles: Bundles, callers: Callers, reports: Reports) -> None:
        self._sign = sign
        self._bundles = bundles
        self._callers = callers
        self._reports = reports
        self._encoded: tuple[tuple[TrustBundle, ...], bytes] = ((), b"")
        self._streams: set[asyncio.Event] = set()
        self._ending = False

    def handlers(self) -> dict[str, grpc.RpcMethodHandler[bytes, bytes]]:
        """By method."""
        return {
            CREATE_JWT_SVID: grpc.unary_unary_rpc_method_handler(self.create_jwt_svid),
            STREAM_BUNDLES: grpc.unary_stream_rpc_method_handler(self.stream_bundles),
        }

    async def create_jwt_svid(self, data: bytes, call: Call) -> bytes:
        """``CreateJwtSvid``: a token for the caller and for nobody else."""
        async with guarded(call, CREATE_JWT_SVID, self._reports):
            audience = _audience(data)
            identity = await self._callers.identity(call, CREATE_JWT_SVID)
            try:
                token = self._sign(identity, audience)
            except RefusedError as error:
                self._reports.refused(self._callers.peer(call), CREATE_JWT_SVID, f"{identity}: {error}")
                await call.abort(getattr(grpc.StatusCode, error.status), str(error))
            answer = wire.CreateJwtSvidResponse(svid=token.text, expires_at=int(token.expires.timestamp()))
            return answer.SerializeToString()

    async def stream_bundles(self, _: bytes, call: Call) -> None:
        """``StreamBundles``: all bundles, at once and whenever one has changed, until the caller ends it."""
        async with guarded(call, STREAM_BUNDLES, self._reports):
            await self._callers.identity(call, STREAM_BUNDLES)
            woken = asyncio.Event()
            end = self._bundles.subscribe(woken.set)
            self._streams.add(woken)
            try:
                await self._tell(call, woken)
            finally:
                self._streams.discard(woken)
                end()
            await call.abort(grpc.StatusCode.UNAVAILABLE, "the server is shutting down")

    def end(self) -> None:
        """Ends every stream, so that agents look for another server."""
        self._ending = True
        for woken in self._streams:
            woken.set()

    async def _tell(self, call: Call, woken: asyncio.Event) -> None:
        """Until `end`."""
        said = b""
        while not self._ending:
            woken.clear()
            if (body := self._message()) is not said:
                said = body
                await call.write(body)
            await woken.wait()

    def _message(self) -> bytes:
        """Encoded once for all callers."""
        bundles = self._bundles.latest()
        if bundles is not self._encoded[0]:
            self._encoded = bundles, _encode(bundles)
        return self._encoded[1]


def _encode(bundles: Sequence[TrustBundle]) -> bytes:
    messages = [
        wire.TrustBundle(
            trust_domain=bundle.trust_domain,
            authorities=bundle.authorities,
            jwks=bundle.jwks,
            crls=bundle.crls,
            tainted=bundle.tainted,
            aliases=bundle.aliases,
            listed_whole=bundle.listed_whole,
        )
        for bundle in bundles
    ]
    return wire.BundlesResponse(bundles=messages).SerializeToString()


def _audience(data: bytes) -> Sequence[str]:
    if len(data) > _MAX_REQUEST:
        raise RemoteProtocolError(f"the request has {len(data)} bytes; {_MAX_REQUEST} are allowed")
    try:
        return tuple(wire.CreateJwtSvidRequest.FromString(data).audience)
    except DecodeError:
        raise RemoteProtocolError("this is not a CreateJwtSvidRequest") from None
