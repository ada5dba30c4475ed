"""An X509-SVID together with its key, for workloads without an agent that would make the key beside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from xds.ca.authority import Issued
from xds.ca.encoding import certificates_pem, key_pem
from xds.ca.service import CertificateAuthority
from xds.model.identity import SpiffeId


@dataclass(frozen=True, slots=True, eq=False)
class KeyedSvid:
    """issued: what was signed. key: PEM. renew_in: until half of its life is over."""

    issued: Issued
    renew_in: timedelta
    key: bytes = field(repr=False)

    @property
    def chain(self) -> bytes:
        """PEM, leaf first, without the root, which whoever verifies has."""
        return certificates_pem(self.issued.chain[:-1])


def new_request(key: ec.EllipticCurvePrivateKey) -> str:
    """A signing request (PEM) that says nothing but the key."""
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode()


def keyed_svid(authority: CertificateAuthority, identity: SpiffeId) -> KeyedSvid:
    """With a key that nothing else has had. Raises CertificateError."""
    key = ec.generate_private_key(ec.SECP256R1())
    issued = authority.issue(new_request(key), identity)
    renew_in = (issued.certificate.not_valid_after_utc - authority.moment().latest) / 2
    return KeyedSvid(issued, renew_in, key_pem(key))
