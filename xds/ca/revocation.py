"""Certificates that are not to be accepted any more although they hold, and the lists that say so (RFC 5280, 5).

Envoy refuses whatever is below an authority without a list, once it has any list. So as soon as anything is revoked,
there is a list of every authority whose key is here and that may be above what still holds. Lists end with their
issuer: an Envoy that nobody sends a new one must not refuse everybody for that. Pure: time is a parameter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from xds.ca.profile import BACKDATED, Signer, key_identifier


@dataclass(frozen=True, slots=True)
class Revoked:
    """A serial number that no two certificates have. until: when whatever has it has ended."""

    serial: int
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True, eq=False)
class Revocations:
    """number: of the latest lists; each is higher than the one before. lists: of issuing certificates, one for each.
    signed_by: for which authorities, by version; empty if lists are to be signed."""

    revoked: tuple[Revoked, ...] = ()
    number: int = 0
    lists: tuple[x509.CertificateRevocationList, ...] = field(default=(), repr=False)
    signed_by: tuple[str, ...] = ()

    def serials(self) -> frozenset[int]:
        """What is revoked."""
        return frozenset(each.serial for each in self.revoked)


def sign_list(
    signer: Signer,
    revoked: Iterable[Revoked],
    others: Iterable[x509.RevokedCertificate],
    *,
    number: int,
    now: datetime,
) -> x509.CertificateRevocationList:
    """What an issuing certificate has revoked. others: what a list of it that somebody else has signed says as well."""
    certificate = signer.certificate
    builder = x509.CertificateRevocationListBuilder().issuer_name(certificate.subject)
    builder = builder.last_update(now - BACKDATED).next_update(certificate.not_valid_after_utc)
    builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    builder = builder.add_extension(key_identifier(certificate), critical=False)
    entries = {each.serial_number: each for each in others}
    for each in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(each.serial).revocation_date(each.at).build()
        entries.setdefault(each.serial, entry)
    for serial in sorted(entries):
        builder = builder.add_revoked_certificate(entries[serial])
    return builder.sign(signer.key, hashes.SHA256())


def may_sign_lists(certificate: x509.Certificate) -> bool:
    """Whether verifiers take lists that an authority signs: one that says what it is for has to say this too."""
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True


def is_signed_by(revoked: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool:
    """Whether an authority has signed a list."""
    if revoked.issuer != certificate.subject:
        return False
    try:
        return revoked.is_signature_valid(certificate.public_key())  # type: ignore[arg-type]  # others are TypeErrors
    except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
        return False


def lists_of(
    certificate: x509.Certificate, lists: Iterable[x509.CertificateRevocationList]
) -> Iterator[x509.CertificateRevocationList]:
    """Those that an authority has signed."""
    return (each for each in lists if is_signed_by(each, certificate))
