"""Istio's certificate signing API, as its client: one call for one attempt."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
from grpc import aio

from xds.agent.identity.advice import advice
from xds.agent.identity.attempt import AttemptError
from xds.agent.identity.proof import Means, is_next
from xds.agent.identity.proofs import Proof
from xds.agent.identity.svid import Svid
from xds.wire.istio_ca_pb2 import IstioCertificateRequest, IstioCertificateResponse

METHOD: Final = "/istio.v1.auth.IstioCertificateService/CreateCertificate"
SECONDS: Final = 10.0
"""How long one call may take."""

_MAX_ROOTS: Final = 1 << 20


_OPTIONS: Final = (
    # a connection of its own, and none that another has failed to make, so that gRPC would wait before it tries again
    ("grpc.use_local_subchannel_pool", 1),
    # a stream on which nothing comes may be one whose other end is gone
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
)


@dataclass(frozen=True, slots=True)
class Server:
    """The control plane. address: ``HOST:PORT``. roots: a file with what its certificate is checked against."""

    address: str
    roots: Path

    def read_roots(self) -> bytes:
        """The file's content now (PEM). Raises AttemptError."""
        advised = "it has to be the control plane's root-cert.pem"
        try:
            content = self.roots.read_bytes()
        except OSError as error:
            raise AttemptError(f"--root-cert {self.roots} cannot be read: {error.strerror}", advised) from error
        if b"-----BEGIN CERTIFICATE-----" not in content or len(content) > _MAX_ROOTS:
            raise AttemptError(f"--root-cert {self.roots} has no certificate in PEM", advised)
        return content


def channel_to(address: str, roots: bytes, svid: Svid | None) -> aio.Channel:
    """A connection over TLS. roots: PEM. svid: is shown as client certificate."""
    credentials = grpc.ssl_channel_credentials(
        root_certificates=roots,
        private_key=svid.key_pem.reveal() if svid is not None else None,
        certificate_chain=svid.chain_pem if svid is not None else None,
    )
    return aio.secure_channel(address, credentials, options=_OPTIONS)


async def sign(address: str, roots: bytes, request: str, proof: Proof) -> Sequence[str]:
    """The certificates (PEM, leaf first, root last) for a request (PEM). Raises AttemptError."""
    metadata = []
    if proof.token is not None:
        metadata.append(("authorization", f"Bearer {proof.token.reveal().decode()}"))
    async with channel_to(address, roots, proof.svid) as channel:
        call = channel.unary_unary(METHOD)
        message = IstioCertificateRequest(csr=request).SerializeToString()
        try:
            answer = await call(message, timeout=SECONDS, metadata=tuple(metadata))
        except aio.AioRpcError as error:
            raise failed(error, proof.means) from None
    with suppress(ValueError):
        return list(IstioCertificateResponse.FromString(answer).cert_chain)
    raise AttemptError("the control plane's answer is not Istio's", "look whether --server is a control plane")


def failed(error: aio.AioRpcError, shown: Means) -> AttemptError:
    """Why a call to the control plane failed."""
    status, details = error.code().name, error.details() or ""
    return AttemptError(f"{status}: {details}", advice(status, details, shown), refused=is_next(shown, status))
