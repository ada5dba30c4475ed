"""What an agent has to show and to trust, as frozen values. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from xds.model.credentials import Sealed
from xds.model.identity import SpiffeId
from xds.model.trust import TrustBundle

_LINE: Final = 64


@dataclass(frozen=True, slots=True)
class Svid:
    """An X509-SVID with its key. chain: DER, leaf first, roots left out. key: PKCS#8, DER. obtained: when it came."""

    identity: SpiffeId
    chain: tuple[bytes, ...]
    key: Sealed
    obtained: datetime
    not_after: datetime

    @property
    def chain_pem(self) -> bytes:
        """The chain as Envoy and gRPC want it."""
        return certificates_pem(self.chain)

    @property
    def key_pem(self) -> Sealed:
        """The key as Envoy and gRPC want it."""
        return Sealed(_pem("PRIVATE KEY", self.key.reveal()))


@dataclass(frozen=True, slots=True)
class State:
    """All that is known. svid: None until there is one. bundles: of the workload's own trust domain first, then of
    those that it is federated with."""

    svid: Svid | None = None
    bundles: tuple[TrustBundle, ...] = ()

    @property
    def bundle(self) -> TrustBundle | None:
        """Of the workload's own trust domain; None if nothing is known of it."""
        return self.bundles[0] if self.bundles else None


def certificates_pem(certificates: Iterable[bytes]) -> bytes:
    """DER to PEM, one after the other."""
    return b"".join(_pem("CERTIFICATE", each) for each in certificates)


def crls_pem(crls: Iterable[bytes]) -> bytes:
    """DER to PEM, one after the other."""
    return b"".join(_pem("X509 CRL", each) for each in crls)


def _pem(label: str, content: bytes) -> bytes:
    text = base64.b64encode(content).decode()
    lines = (text[start : start + _LINE] for start in range(0, len(text), _LINE))
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", "")).encode()
