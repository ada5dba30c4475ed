"""PEM to certificates, keys and lists of revoked certificates. Errors are ValueErrors for users, and show no content.

It is imported only when there is something to read: ``cryptography`` takes a while to load.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias, TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509 import (
    Certificate,
    CertificateRevocationList,
    DuplicateExtension,
    InvalidVersion,
    UnsupportedGeneralNameType,
    load_pem_x509_certificate,
    load_pem_x509_crl,
)

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
T = TypeVar("T")

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----.*?-----END \1-----", re.DOTALL)
_CERTIFICATE: Final = frozenset({b"CERTIFICATE", b"X509 CERTIFICATE"})
_LIST: Final = frozenset({b"X509 CRL"})
_CURVES: Final = frozenset({"secp256r1", "secp384r1", "secp521r1"})
_UNREADABLE: Final = (ValueError, UnsupportedAlgorithm, InvalidVersion, DuplicateExtension, UnsupportedGeneralNameType)
_LEAST_RSA_BITS: Final = 2048
_MOST_RSA_BITS: Final = 8192


def certificates(pem: bytes) -> tuple[Certificate, ...]:
    """All certificates, in their order. Raises ValueError if there is none, one cannot be read, or anything else is
    there: what is published as certificates must not have a key in it."""
    return _blocks(pem, _CERTIFICATE, "certificate", _certificate)


def revocation_lists(pem: bytes) -> tuple[CertificateRevocationList, ...]:
    """All lists of revoked certificates. Raises ValueError as `certificates` does."""
    return _blocks(pem, _LIST, "list of revoked certificates (X509 CRL)", load_pem_x509_crl)


def private_key(pem: bytes) -> PrivateKey:
    """A key of a kind that Envoy can use. Raises ValueError if it is another, encrypted, or none at all."""
    try:
        # Its consistency is checked against the certificate, which takes a hundredth of the time.
        key = load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
    except TypeError:
        raise ValueError("is encrypted: nobody could tell a proxy the password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("is not a private key in PEM that can be read") from None
    if isinstance(key, rsa.RSAPrivateKey):
        if not _LEAST_RSA_BITS <= key.key_size <= _MOST_RSA_BITS:
            raise ValueError(f"is an RSA key of {key.key_size} bits: Envoy takes {_LEAST_RSA_BITS} to {_MOST_RSA_BITS}")
        return key
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return key
    raise ValueError("is of a kind that Envoy does not take: it must be RSA, Ed25519, or on P-256, P-384 or P-521")


def encoded(*items: Certificate | CertificateRevocationList) -> bytes:
    """In PEM, without the text that may stand around it."""
    return b"".join(item.public_bytes(Encoding.PEM) for item in items)


def encoded_key(key: PrivateKey) -> bytes:
    """In PEM, PKCS #8."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _blocks(pem: bytes, labels: frozenset[bytes], what: str, load: Callable[[bytes], T]) -> tuple[T, ...]:
    found = list(_BLOCK.finditer(pem))
    if any(block[1] not in labels for block in found):
        raise ValueError(f"has something else in it than a {what} in PEM")
    if not found or pem.count(b"-----BEGIN ") != len(found):
        raise ValueError(f"is not a {what} in PEM")
    return tuple(_loaded(block[0], number, len(found), what, load) for number, block in enumerate(found, 1))


def _loaded(block: bytes, number: int, count: int, what: str, load: Callable[[bytes], T]) -> T:
    try:
        return load(block)
    except _UNREADABLE:
        which = f"the {what} cannot be read" if count == 1 else f"number {number} of {count} cannot be read"
        raise ValueError(which) from None


def _certificate(block: bytes) -> Certificate:
    """Everything that is asked of it later is looked at here: parts of it are only read when they are."""
    made = load_pem_x509_certificate(block.replace(b"X509 CERTIFICATE", b"CERTIFICATE"))
    _ = made.subject, made.issuer, made.extensions, made.not_valid_after_utc, made.public_key()
    return made
