"""What the control plane says to whoever has a certificate of it: new roots long before they sign, and tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from cryptography import x509
from google.protobuf.message import DecodeError
from grpc import aio  # type: ignore[import-untyped]  # grpcio ships no types

from xds.agent.identity.attempt import AttemptError
from xds.agent.identity.holder import Identity
from xds.agent.identity.proof import Means
from xds.agent.identity.renewal import Chance, Renewal
from xds.agent.identity.request import UNREADABLE, comes_from, is_revoked
from xds.agent.identity.signing import SECONDS, Server, channel_to, failed
from xds.agent.identity.svid import Svid
from xds.agent.identity.timing import pause_after
from xds.agent.identity.trust import control_plane_roots
from xds.model.credentials import Sealed
from xds.model.trust import TrustBundle
from xds.wire import workload_identity_pb2 as wire

SERVICE: Final = "/pilothouse.v1.WorkloadIdentity"

_LONGEST_PAUSE: Final = timedelta(seconds=5)
"""As Envoy's: what is not to be trusted any more is to be known soon after an outage, and what is due renewed."""

_log = structlog.get_logger("xds.agent")


@dataclass(frozen=True, slots=True)
class Token:
    """A JWT-SVID."""

    text: Sealed
    expires: datetime


class Upstream:
    """renewal: is told when the certificate in use is not to be used any more, and when the control plane is back."""

    def __init__(self, identity: Identity, server: Server, renewal: Renewal, chance: Chance) -> None:
        self._identity = identity
        self._server = server
        self._renewal = renewal
        self._chance = chance
        self._failures = 0

    async def run(self) -> None:
        """Follows what is to be trusted until it is cancelled. What was known stays while nobody says anything."""
        while True:
            svid = await self._identity.available()
            try:
                await self._follow(svid)
            except AttemptError as error:
                self._failures += 1
                if self._failures == 1:
                    _log.warning("new roots cannot be heard of", reason=str(error), advice=error.advice)
                pause = pause_after(self._failures, self._chance.fraction(), _LONGEST_PAUSE)
                await asyncio.sleep(pause.total_seconds())

    async def token(self, audience: Sequence[str]) -> Token:
        """A new JWT-SVID for the workload. Raises AttemptError."""
        svid = await self._identity.available()
        async with self.channel(svid) as channel:
            call = channel.unary_unary(f"{SERVICE}/CreateJwtSvid")
            request = wire.CreateJwtSvidRequest(audience=audience)
            try:
                data = await call(request.SerializeToString(), timeout=SECONDS)
                answer = wire.CreateJwtSvidResponse.FromString(data)
            except aio.AioRpcError as error:
                raise failed(error, Means.CERTIFICATE) from None
            except DecodeError:
                raise AttemptError("the control plane's answer is no token", "look at its log") from None
        return Token(Sealed(answer.svid.encode()), datetime.fromtimestamp(answer.expires_at, tz=UTC))

    def channel(self, svid: Svid) -> aio.Channel:
        """A connection on which the certificate proves who the workload is. Raises AttemptError."""
        roots = control_plane_roots(self._server.read_roots(), self._identity.state)
        return channel_to(self._server.address, roots, svid)

    async def _follow(self, svid: Svid) -> None:
        """Until there is another certificate: the next stream is opened with it. Raises AttemptError."""
        renewed = asyncio.create_task(self._other_than(svid))
        try:
            async with self.channel(svid) as channel:
                call = channel.unary_stream(f"{SERVICE}/StreamBundles")(b"")
                while (data := await _first(call.read(), renewed)) is not None:
                    self._hear(data)
                call.cancel()
        except aio.AioRpcError as error:
            raise failed(error, Means.CERTIFICATE) from None
        finally:
            renewed.cancel()
            await asyncio.gather(renewed, return_exceptions=True)

    async def _other_than(self, svid: Svid) -> None:
        state = self._identity.state
        while state.svid is svid:
            state = await self._identity.changed(state)

    def _hear(self, data: object) -> None:
        if not isinstance(data, bytes):
            raise AttemptError("UNAVAILABLE: the control plane has ended the stream", "it will be asked again")
        state = self._identity.state
        bundles = _read(data, state.svid)
        if self._failures:
            _log.info("new roots are heard of again")
            self._renewal.hurry()
        self._failures = 0
        if bundles != state.bundles:
            _log.info("bundles received", roots={each.trust_domain: len(each.authorities) for each in bundles})
        self._identity.put(replace(state, bundles=bundles))
        if state.svid is not None:
            self._judge(state.svid, bundles[0])

    def _judge(self, svid: Svid, bundle: TrustBundle) -> None:
        """Whether the certificate in use may go on being used."""
        if comes_from(svid, bundle.tainted):
            _log.warning("the root of the certificate in use is tainted: it is renewed now")
            self._renewal.renew_now()
        elif is_revoked(svid, bundle.crls):
            _log.warning("the certificate in use is revoked: it is renewed now")
            self._renewal.renew_now()


async def _first(reading: Awaitable[object], ending: asyncio.Task[None]) -> object:
    """What is read; None if the other comes first."""
    task = asyncio.ensure_future(reading)
    try:
        await asyncio.wait({task, ending}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _read(data: bytes, svid: Svid | None) -> tuple[TrustBundle, ...]:
    """The bundles of a message. Raises AttemptError if they cannot be what the workload is to trust."""
    advised = "look at the control plane's log; what was trusted before stays so"
    try:
        bundles = tuple(_bundle(each) for each in wire.BundlesResponse.FromString(data).bundles)
        for root in (root for bundle in bundles for root in (*bundle.authorities, *bundle.tainted)):
            x509.load_der_x509_certificate(root)
        for revoked in (each for bundle in bundles for each in bundle.crls):
            x509.load_der_x509_crl(revoked)
    except (DecodeError, *UNREADABLE) as error:
        raise AttemptError(f"the control plane's bundles cannot be read: {error}", advised) from None
    own = svid.identity.trust_domain if svid is not None else ""
    if not bundles or bundles[0].trust_domain != own or not bundles[0].authorities:
        raise AttemptError(f"the control plane names no root of {own}", advised)
    return bundles


def _bundle(message: wire.TrustBundle) -> TrustBundle:
    return TrustBundle(
        message.trust_domain,
        tuple(message.authorities),
        message.jwks,
        tuple(message.crls),
        tuple(message.tainted),
        tuple(message.aliases),
        message.listed_whole,
    )
