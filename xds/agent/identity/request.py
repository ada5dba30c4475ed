"""A key that never leaves the workload's host, the request to sign it, and a look at what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from xds.agent.identity.attempt import AttemptError
from xds.agent.identity.svid import Svid
from xds.model.credentials import Sealed
from xds.model.identity import SpiffeId

UNREADABLE: Final = (
    ValueError,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
)
"""What reading a certificate raises that is none, or none for us."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Whose agent this is."""

    namespace: str
    service_account: str

    def is_named_by(self, identity: SpiffeId) -> bool:
        """Whether this ID is the workload's, in whatever trust domain."""
        return (identity.namespace, identity.service_account) == (self.namespace, self.service_account)

    def __str__(self) -> str:
        return f"service account {self.service_account} of namespace {self.namespace}"


@dataclass(frozen=True, slots=True)
class Answer:
    """A signed certificate. roots: those that came with it, DER."""

    svid: Svid
    roots: tuple[bytes, ...]


def new_key() -> Sealed:
    """A new EC P-256 key (PKCS#8, DER), from the system's generator."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Sealed(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def request_for(key: Sealed) -> str:
    """A signing request (PEM) that says nothing but the key: who it is for is what the caller proves."""
    loaded = load_der_private_key(key.reveal(), password=None)
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise TypeError("keys of ours are EC keys")
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(loaded, hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode()


def read_answer(chain: Sequence[str], key: Sealed, workload: Workload, now: datetime) -> Answer:
    """What the control plane has signed (PEM, leaf first, root last). Raises AttemptError if it is of no use."""
    try:
        certificates = x509.load_pem_x509_certificates("".join(chain).encode())
        leaf = certificates[0]
        identity, theirs = identity_of(leaf), _encoded(leaf.public_key())
        roots = tuple(_der(each) for each in certificates if is_root(each))
    except UNREADABLE as error:
        raise AttemptError(f"the control plane's answer has no X509-SVID: {error}", "look at its log") from error
    if theirs != _encoded(load_der_private_key(key.reveal(), password=None).public_key()):
        raise AttemptError("the control plane's certificate is for another key than ours", "look at its log")
    check_identity(identity, workload)
    if not leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc:
        span = f"{leaf.not_valid_before_utc:%F %T} to {leaf.not_valid_after_utc:%F %T} UTC"
        reason = f"the new certificate holds from {span}, and here it is {now.astimezone(UTC):%F %T}"
        raise AttemptError(reason, "set the clocks of both machines")
    below = tuple(each for each in map(_der, certificates) if each not in roots)
    return Answer(Svid(identity, below, key, now, leaf.not_valid_after_utc), roots)


def check_identity(identity: SpiffeId, workload: Workload) -> None:
    """Raises AttemptError if a certificate is somebody else's."""
    if not workload.is_named_by(identity):
        raise AttemptError(
            f"the certificate is for {identity}, and this is the agent of {workload}",
            "give it a token of that service account, or the --namespace and --service-account of the token",
        )


def identity_of(leaf: x509.Certificate) -> SpiffeId:
    """Whose certificate it is. Raises ValueError or ExtensionNotFound if it is nobody's."""
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if len(uris) != 1:
        raise ValueError(f"it has {len(uris)} URI names, and has to have one")
    return SpiffeId.parse(uris[0])


def is_root(certificate: x509.Certificate) -> bool:
    """Whether it is signed by its own key."""
    return certificate.subject == certificate.issuer and _is_signed_by(certificate, certificate)


def comes_from(svid: Svid, roots: Sequence[bytes]) -> bool:
    """Whether one of these roots has signed the last certificate of its chain."""
    last = x509.load_der_x509_certificate(svid.chain[-1])
    return any(_is_signed_by(last, x509.load_der_x509_certificate(root)) for root in roots)


def is_revoked(svid: Svid, lists: Sequence[bytes]) -> bool:
    """Whether the signer of its certificate has it in one of these lists."""
    leaf = x509.load_der_x509_certificate(svid.chain[0])
    found = (x509.load_der_x509_crl(each) for each in lists)
    return any(
        each.issuer == leaf.issuer and each.get_revoked_certificate_by_serial_number(leaf.serial_number) is not None
        for each in found
    )


def _is_signed_by(certificate: x509.Certificate, signer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(signer)
    except (InvalidSignature, TypeError, *UNREADABLE):
        return False
    return True


def _encoded(key: object) -> bytes:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return b""  # ours are all of that kind
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)
