"""The rules of an X509-SVID (SPIFFE X509-SVID standard, sections 2 to 5), as checks on a certificate.

Whatever the authority signs goes through here before it leaves, and whatever a caller proves itself with when it comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID

from xds.ca.errors import CertificateError
from xds.model.identity import SpiffeId

E = TypeVar("E", bound=x509.ExtensionType)

_BOTH_SIDES: Final = frozenset({ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH})


def check_svid(certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> SpiffeId:
    """Whose certificate this is. Raises CertificateError with every rule that it breaks; it has to be the issuer's."""
    return _checked(certificate, [*_broken(certificate, now), *_not_signed(certificate, issuer)])


def check_own(certificate: x509.Certificate, now: datetime) -> SpiffeId:
    """The same for one that was signed here just now, by a `Signer`, whose key is its certificate's."""
    return _checked(certificate, list(_broken(certificate, now)))


def _checked(certificate: x509.Certificate, broken: list[str]) -> SpiffeId:
    if broken:
        raise CertificateError("; ".join(broken))
    return SpiffeId.parse(_uris(certificate)[0])


def _broken(certificate: x509.Certificate, now: datetime) -> Iterator[str]:
    try:
        yield from _broken_names(certificate)
        yield from _broken_usage(certificate)
    except (ValueError, x509.DuplicateExtension) as error:
        yield f"its extensions cannot be read: {error}"
    if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
        span = f"{certificate.not_valid_before_utc:%F %T} to {certificate.not_valid_after_utc:%F %T} UTC"
        yield f"it holds from {span}"


def _not_signed(certificate: x509.Certificate, issuer: x509.Certificate) -> Iterator[str]:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        yield f"it is not signed by {issuer.subject.rfc4514_string()}"


def _broken_names(certificate: x509.Certificate) -> Iterator[str]:
    uris = _uris(certificate)
    if len(uris) != 1:
        yield f"it has {len(uris)} URI names, and has to have one"
        return
    try:
        identity = SpiffeId.parse(uris[0])
    except ValueError as error:
        yield str(error)
        return
    if not identity.path:
        yield f"{identity} names no workload"
    if not list(certificate.subject) and not _extension(certificate, x509.SubjectAlternativeName, must=True):
        yield "its subject is empty, and the names that stand for it are not critical"


def _broken_usage(certificate: x509.Certificate) -> Iterator[str]:
    usage = _extension(certificate, x509.KeyUsage, must=True)
    if usage is None or not usage.digital_signature:
        yield "its key usage is not critical, or without digital signatures"
    if usage is not None and (usage.key_cert_sign or usage.crl_sign):
        yield "it may sign certificates or revocations"
    constraints = _extension(certificate, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        yield "it is an authority's"
    extended = _extension(certificate, x509.ExtendedKeyUsage)
    if extended is not None and not set(extended) >= _BOTH_SIDES:
        yield "its extended key usage is not for both sides of a connection"


def _uris(certificate: x509.Certificate) -> list[str]:
    names = _extension(certificate, x509.SubjectAlternativeName)
    return names.get_values_for_type(x509.UniformResourceIdentifier) if names is not None else []


def _extension(certificate: x509.Certificate, kind: type[E], *, must: bool = False) -> E | None:
    """Of that kind; None if there is none, or if it must be critical and is not."""
    try:
        found = certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None
    return found.value if found.critical or not must else None
