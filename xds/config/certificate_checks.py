"""Whether certificates, keys and lists of revoked certificates belong together; see `pem` for how they are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    CertificateRevocationList,
    DNSName,
    ExtensionNotFound,
    IPAddress,
    RFC822Name,
    SubjectAlternativeName,
    UniformResourceIdentifier,
    Version,
)

from xds.config.pem import PrivateKey
from xds.model.credentials import CertificateFacts, RevocationFacts

_NAMES = (DNSName, IPAddress, RFC822Name, UniformResourceIdentifier)


def facts_of(certificate: Certificate) -> CertificateFacts:
    """What a certificate says."""
    return CertificateFacts(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        serial=f"{certificate.serial_number:x}",
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        subject_alt_names=tuple(_alternative_names(certificate)),
    )


def facts_of_list(revoked: CertificateRevocationList) -> RevocationFacts:
    """What a list of revoked certificates says."""
    return RevocationFacts(revoked.issuer.rfc4514_string(), revoked.last_update_utc, revoked.next_update_utc)


def key_problem(chain: Sequence[Certificate], key: PrivateKey) -> str | None:
    """Why the key is not that of the first certificate; None if it is."""
    ours = _encoded(key.public_key())
    matching = next((place for place, each in enumerate(chain) if _encoded(each.public_key()) == ours), None)
    if matching is None:
        return "is not the key of the certificate"
    if matching:
        return f"is the key of certificate {matching + 1} of {len(chain)}: that one must come first"
    return "contradicts itself: what it signs is not accepted" if _contradicts_itself(key) else None


def chain_problem(chain: Sequence[Certificate]) -> str | None:
    """Where the order of a chain is broken; None if each certificate is vouched for by the next one."""
    for place, (one, next_one) in enumerate(pairwise(chain), 1):
        if not _is_issued_by(one, next_one):
            return f"certificate {place + 1} of {len(chain)} has not issued the one before it: some clients refuse that"
    return None


def not_authorities(certificates: Iterable[Certificate]) -> Iterator[str]:
    """The subjects of those that may not sign certificates."""
    return (each.subject.rfc4514_string() for each in certificates if not _is_authority(each))


def without_list(certificates: Iterable[Certificate], lists: Sequence[CertificateRevocationList]) -> Iterator[str]:
    """The subjects of the authorities of which there is no list, although there are lists."""
    issuers = {each.issuer for each in lists}
    return (each.subject.rfc4514_string() for each in certificates if issuers and each.subject not in issuers)


def _alternative_names(certificate: Certificate) -> Iterator[str]:
    try:
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    except ExtensionNotFound:
        return
    for name in names:
        if isinstance(name, _NAMES):
            yield str(name.value)


def _encoded(key: CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _contradicts_itself(key: PrivateKey) -> bool:
    """An RSA key has many numbers in it that could disagree. This finds out in a hundredth of the time of a proof."""
    if not isinstance(key, rsa.RSAPrivateKey):
        return False
    try:
        key.public_key().verify(key.sign(b"", padding.PKCS1v15(), SHA256()), b"", padding.PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return True
    return False


def _is_issued_by(certificate: Certificate, issuer: Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _is_authority(certificate: Certificate) -> bool:
    """Certificates of version 1 do not say it."""
    try:
        return certificate.extensions.get_extension_for_class(BasicConstraints).value.ca
    except ExtensionNotFound:
        return certificate.version is Version.v1
