"""The SPIFFE Workload API, for the application: its certificates, tokens, and what others' are checked against.

Source: "SPIFFE Workload API", sections 3 to 6. Who may connect to the socket is the workload: nothing else is asked of
it but the header that keeps requests of others from being made in its name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
from google.protobuf.message import DecodeError, Message

from xds.agent.identity.attempt import AttemptError
from xds.agent.identity.calls import Call, Handlers, guarded
from xds.agent.identity.holder import Identity
from xds.agent.identity.jwt_check import check
from xds.agent.identity.jwt_svids import JwtSvids
from xds.agent.identity.renewal import Clock
from xds.agent.identity.svid import State
from xds.model.identity import SpiffeId
from xds.protocol import RemoteProtocolError
from xds.wire import workload_api_pb2 as wire

SERVICE: Final = "SpiffeWorkloadAPI"

_HEADER: Final = ("workload.spiffe.io", "true")
_MAX_REQUEST: Final = 64 << 10

M = TypeVar("M", bound=Message)


class WorkloadApi:
    """Answers from an `Identity`. Before there is one, it denies."""

    def __init__(self, identity: Identity, tokens: JwtSvids, clock: Clock) -> None:
        self._identity = identity
        self._tokens = tokens
        self._clock = clock

    def handlers(self) -> Handlers:
        """By method."""
        return {
            "FetchX509SVID": grpc.unary_stream_rpc_method_handler(self._streaming(x509_svid)),
            "FetchX509Bundles": grpc.unary_stream_rpc_method_handler(self._streaming(x509_bundles)),
            "FetchJWTBundles": grpc.unary_stream_rpc_method_handler(self._streaming(jwt_bundles)),
            "FetchJWTSVID": grpc.unary_unary_rpc_method_handler(self.fetch_jwt_svid),
            "ValidateJWTSVID": grpc.unary_unary_rpc_method_handler(self.validate_jwt_svid),
        }

    def _streaming(self, message_of: Callable[[State], Message]) -> Callable[[bytes, Call], object]:
        """A stream that says something whenever it is something else than before."""

        async def handle(_: bytes, call: Call) -> None:
            async with guarded(call):
                state, said = await self._admit(call), b""
                while True:
                    body = message_of(state).SerializeToString(deterministic=True)
                    if body != said:
                        said = body
                        await call.write(body)
                    state = await self._identity.changed(state)

        return handle

    async def fetch_jwt_svid(self, data: bytes, call: Call) -> bytes:
        """``FetchJWTSVID``."""
        async with guarded(call):
            request = _decode(wire.JwtSvidRequest, data)
            state = await self._admit(call)
            if not request.audience or not all(request.audience):
                raise RemoteProtocolError("a token is for at least one audience, and none of them is empty")
            identity = str(state.svid.identity) if state.svid is not None else ""
            if request.spiffe_id not in ("", identity):
                reason = f"the workload is {identity}, and not {request.spiffe_id[:256]}"
                await call.abort(grpc.StatusCode.PERMISSION_DENIED, reason)
            try:
                token = await self._tokens.token(request.audience)
            except AttemptError as error:
                await call.abort(grpc.StatusCode.UNAVAILABLE, str(error))
            svid = wire.JwtSvid(spiffe_id=identity, svid=token.reveal().decode())
            return wire.JwtSvidResponse(svids=[svid]).SerializeToString()

    async def validate_jwt_svid(self, data: bytes, call: Call) -> bytes:
        """``ValidateJWTSVID``."""
        async with guarded(call):
            request = _decode(wire.ValidateJwtSvidRequest, data)
            state = await self._admit(call)
            if not request.audience or not request.svid:
                raise RemoteProtocolError("a token and an audience are needed")
            try:
                identity, claims = check(request.svid, request.audience, state.bundles, self._clock())
            except ValueError as error:
                raise RemoteProtocolError(str(error)) from None
            answer = wire.ValidateJwtSvidResponse(spiffe_id=str(identity))
            answer.claims.update(claims)
            return answer.SerializeToString()

    async def _admit(self, call: Call) -> State:
        """Ends the call if it is not the application's, or if there is nothing to tell."""
        if _HEADER not in tuple(call.invocation_metadata()):
            await call.abort(grpc.StatusCode.INVALID_ARGUMENT, "the metadata workload.spiffe.io: true is missing")
        state = self._identity.state
        if state.svid is None:
            await call.abort(grpc.StatusCode.PERMISSION_DENIED, "no identity issued: the agent is still asking for it")
        return state


def x509_svid(state: State) -> wire.X509SvidResponse:
    """``FetchX509SVID``, of a state with an SVID."""
    answer = wire.X509SvidResponse()
    if state.svid is not None and state.bundle is not None:
        answer.svids.add(
            spiffe_id=str(state.svid.identity),
            x509_svid=b"".join(state.svid.chain),
            x509_svid_key=state.svid.key.reveal(),
            bundle=b"".join(state.bundle.authorities),
        )
    for bundle in state.bundles:
        answer.crl.extend(bundle.crls)
        if bundle is not state.bundle:
            answer.federated_bundles[_id(bundle.trust_domain)] = b"".join(bundle.authorities)
    return answer


def x509_bundles(state: State) -> wire.X509BundlesResponse:
    """``FetchX509Bundles``."""
    answer = wire.X509BundlesResponse()
    for bundle in state.bundles:
        answer.crl.extend(bundle.crls)
        answer.bundles[_id(bundle.trust_domain)] = b"".join(bundle.authorities)
    return answer


def jwt_bundles(state: State) -> wire.JwtBundlesResponse:
    """``FetchJWTBundles``: of the trust domains whose keys are known."""
    answer = wire.JwtBundlesResponse()
    for bundle in state.bundles:
        if bundle.jwks:
            answer.bundles[_id(bundle.trust_domain)] = bundle.jwks.encode()
    return answer


def _id(trust_domain: str) -> str:
    return str(SpiffeId(trust_domain))


def _decode(kind: type[M], data: bytes) -> M:
    if len(data) > _MAX_REQUEST:
        raise RemoteProtocolError(f"the request has {len(data)} bytes; {_MAX_REQUEST} are allowed")
    try:
        return kind.FromString(data)
    except DecodeError:
        raise RemoteProtocolError("the request cannot be read") from None
