"""Istio's certificate signing service: a workload that proves who it is gets a certificate for its key.

Source: ``istio.v1.auth.IstioCertificateService``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
from google.protobuf.message import DecodeError

from xds.model.identity import SpiffeId
from xds.protocol import RemoteProtocolError
from xds.server.guard import Call, guarded
from xds.server.identity import Callers
from xds.server.reports import Reports
from xds.wire.istio_ca_pb2 import IstioCertificateRequest, IstioCertificateResponse

SERVICE: Final = "istio.v1.auth.IstioCertificateService"
METHOD: Final = "CreateCertificate"

_MAX_REQUEST: Final = 64 << 10


class RefusedError(Exception):
    """A certificate is not issued. status: a name of gRPC's status codes. The message is for the caller."""

    def __init__(self, reason: str, status: str = "INVALID_ARGUMENT") -> None:
        super().__init__(reason)
        self.status = status


Sign = Callable[[str, SpiffeId, "timedelta | None"], Sequence[str]]
"""A request (PEM), who it is for, and how long it is to hold, to a chain (PEM, leaf first). Raises RefusedError."""


class CertificateService:
    """Signs for whoever has proven an identity."""

    def __init__(self, sign: Sign, callers: Callers, reports: Reports) -> None:
        self._sign = sign
        self._callers = callers
        self._reports = reports

    async def create(self, data: bytes, call: Call) -> bytes:
        """``CreateCertificate``."""
        async with guarded(call, METHOD, self._reports):
            request = _decode(data)
            identity = await self._callers.identity(call, METHOD)
            asked = timedelta(seconds=request.validity_duration) if request.validity_duration > 0 else None
            try:
                chain = self._sign(request.csr, identity, asked)
            except RefusedError as error:
                self._reports.refused(self._callers.peer(call), METHOD, f"{identity}: {error}")
                await call.abort(getattr(grpc.StatusCode, error.status), str(error))
            return IstioCertificateResponse(cert_chain=chain).SerializeToString()


def _decode(data: bytes) -> IstioCertificateRequest:
    if len(data) > _MAX_REQUEST:
        raise RemoteProtocolError(f"the request has {len(data)} bytes; {_MAX_REQUEST} are allowed")
    try:
        return IstioCertificateRequest.FromString(data)
    except DecodeError:
        raise RemoteProtocolError("this is not an IstioCertificateRequest") from None
