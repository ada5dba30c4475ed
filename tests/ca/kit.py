"""Requests and authorities for the tests of this package."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from xds.ca.authority import Authority, KeyType, new_authority
from xds.ca.profile import Lifetimes, PrivateKey
from xds.model.identity import SpiffeId

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TRUST_DOMAIN = "cluster.local"
REVIEWS = SpiffeId.of_workload(TRUST_DOMAIN, "default", "reviews")


def authority(key_type: KeyType = KeyType.EC_P256, lifetimes: Lifetimes | None = None) -> Authority:
    return new_authority(TRUST_DOMAIN, key_type, lifetimes or Lifetimes(), now=NOW, serial=x509.random_serial_number)


def request(*uris: str, key: PrivateKey | None = None, others: Sequence[x509.GeneralName] = ()) -> str:
    """A certificate signing request, PEM, with these URI names and other names."""
    names = [*map(x509.UniformResourceIdentifier, uris), *others]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
    signed = builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)
