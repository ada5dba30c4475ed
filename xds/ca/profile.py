"""What certificates say: the profiles of roots, issuing authorities and workloads (RFC 5280; X509-SVID).

Pure: time and serial numbers are parameters. Nothing here decides whether to issue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from xds.ca.clock import Moment
from xds.ca.errors import CertificateError
from xds.ca.request import PublicKey
from xds.model.identity import SpiffeId

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

BACKDATED: Final = timedelta(minutes=2)
"""How long before it is issued a certificate begins to hold at most: for clients whose clocks are slow."""

_BACKDATED_SHARE: Final = 0.1
"""Of its life; so that half of the life of a short one is not over when it is issued."""

LEAST_LIFE: Final = timedelta(minutes=5)
"""What a workload gets that asks for less, unless the usual life is less."""

MOST_LIFE: Final = timedelta(hours=24)
"""What one gets that asks for more, unless the usual life is more, or somebody has said otherwise."""

MAX_SERIAL_BITS: Final = 159
"""RFC 5280 allows 20 octets for a positive number."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long things last. workload: of a certificate that asks for nothing else; its bounds are least and most."""

    root: timedelta = timedelta(days=3650)
    issuing: timedelta = timedelta(days=90)
    workload: timedelta = MOST_LIFE
    least: timedelta = LEAST_LIFE
    most: timedelta = MOST_LIFE

    @classmethod
    def of_workloads(cls, usual: timedelta, most: timedelta | None = None) -> Lifetimes:
        """With another usual life of workloads' certificates. most: None for `MOST_LIFE`, or more if that is usual."""
        longest = max(usual, most if most is not None else MOST_LIFE)
        return cls(workload=usual, least=min(LEAST_LIFE, usual), most=longest)

    def granted(self, asked: timedelta | None) -> timedelta:
        """What a workload gets that asks for this. None, or nothing positive: it does not say."""
        wanted = asked if asked is not None and asked > timedelta() else self.workload
        return min(max(wanted, self.least), self.most)


@dataclass(frozen=True, slots=True)
class Signer:
    """An authority's certificate with its key, which repr never shows. Raises CertificateError if it is another's."""

    certificate: x509.Certificate
    key: PrivateKey

    def __post_init__(self) -> None:
        if self.key.public_key() != self.certificate.public_key():
            raise CertificateError(f"the key is not that of {self.certificate.subject.rfc4514_string()}")

    def __repr__(self) -> str:
        return f"Signer({self.certificate.subject.rfc4514_string()})"


def root(trust_domain: str, key: PrivateKey, *, now: datetime, life: timedelta, serial: int) -> x509.Certificate:
    """A self-signed root of a trust domain, which may have issuing authorities below it."""
    name = _authority_name(trust_domain, "root", key.public_key())
    builder = _authority(trust_domain, key.public_key(), now, now + life, serial, path_length=1)
    return builder.subject_name(name).issuer_name(name).sign(key, hashes.SHA256())


def issuing(
    trust_domain: str, key: PublicKey, signer: Signer, *, now: datetime, life: timedelta, serial: int
) -> x509.Certificate:
    """An authority that issues to workloads and to nobody else. It ends with its root at the latest."""
    until = min(now + life, signer.certificate.not_valid_after_utc)
    builder = _authority(trust_domain, key, now, until, serial, path_length=0)
    builder = builder.subject_name(_authority_name(trust_domain, "issuing", key)).issuer_name(
        signer.certificate.subject
    )
    return _identified(builder, signer).sign(signer.key, hashes.SHA256())


def workload(
    identity: SpiffeId,
    key: PublicKey,
    signer: Signer,
    *,
    now: Moment,
    life: timedelta,
    serial: int,
    addresses: Sequence[x509.GeneralName] = (),
) -> x509.Certificate:
    """An X509-SVID. It ends with its issuer at the latest; raises CertificateError if that has ended.

    now: it holds from the earliest time that it may be, and for its life after the latest.
    addresses: names and IP addresses by which clients that know nothing of SPIFFE find the workload.
    """
    until = min(now.latest + life, signer.certificate.not_valid_after_utc)
    if until <= now.now:
        raise CertificateError(f"the issuing certificate ended at {signer.certificate.not_valid_after_utc:%F %T} UTC")
    builder = _valid(_workload_of(signer), key, now.earliest, until, serial)
    # critical, as the subject is empty (RFC 5280, 4.2.1.6)
    builder = builder.add_extension(_named(str(identity), *addresses), critical=True)
    return builder.sign(signer.key, hashes.SHA256())


@lru_cache(maxsize=16)
def _workload_of(signer: Signer) -> x509.CertificateBuilder:
    """What all its certificates for workloads have in common."""
    builder = x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(signer.certificate.subject)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(usage(digital_signature=True), critical=True)
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = builder.add_extension(x509.ExtendedKeyUsage(both), critical=False)
    return _identified(builder, signer)


def _authority(
    trust_domain: str, key: PublicKey, now: datetime, until: datetime, serial: int, *, path_length: int
) -> x509.CertificateBuilder:
    builder = _valid(x509.CertificateBuilder(), key, now, until, serial)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    builder = builder.add_extension(usage(key_cert_sign=True, crl_sign=True), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    return builder.add_extension(_named(str(SpiffeId(trust_domain))), critical=False)


def _valid(
    builder: x509.CertificateBuilder, key: PublicKey, now: datetime, until: datetime, serial: int
) -> x509.CertificateBuilder:
    builder = builder.public_key(key).serial_number(serial)
    backdated = min(BACKDATED, (until - now) * _BACKDATED_SHARE)
    return builder.not_valid_before(now - backdated).not_valid_after(until)


def _identified(builder: x509.CertificateBuilder, signer: Signer) -> x509.CertificateBuilder:
    """With the key of the signer, by which a verifier finds it where several have one name."""
    return builder.add_extension(key_identifier(signer.certificate), critical=False)


def key_identifier(signer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """How what an authority signs names its key."""
    try:
        own = signer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:  # of one that somebody else has made
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())  # type: ignore[arg-type]  # its key is checked
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _authority_name(trust_domain: str, role: str, key: PublicKey) -> x509.Name:
    """Another one for each key, so that verifiers never have to choose between authorities of one name."""
    number = x509.SubjectKeyIdentifier.from_public_key(key).digest[:8].hex()
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, trust_domain[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Pilothouse {role} {number}"),
        ]
    )


def _named(uri: str, *others: x509.GeneralName) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri), *others])


def usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    """These uses of a key and no others."""
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )
