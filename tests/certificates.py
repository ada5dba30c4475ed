"""Certificates for tests, made when they are needed: the same name gives the same one, and nothing is kept in files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
LIFE = timedelta(days=3650)

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Issued:
    """A certificate with its key. chain: with those that vouch for it, in PEM."""

    certificate: x509.Certificate
    key: Key
    chain: str

    @property
    def key_pem(self) -> str:
        """The private key in PEM."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class Authority:
    """Issues certificates. parent: who vouches for it; None for a root."""

    def __init__(self, name: str, parent: Authority | None = None, life: timedelta = LIFE) -> None:
        self.name = name
        self.key = _key(name)
        self.parent = parent
        signer = parent or self
        builder = _builder(name, signer.name, self.key, SINCE, life)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs=True), critical=True)
        self.certificate = _signed(builder, signer.key)

    @property
    def pem(self) -> str:
        """Its own certificate."""
        return _pem(self.certificate)

    def issue(
        self, name: str, *names: str, since: datetime = SINCE, life: timedelta = LIFE, key: Key | None = None
    ) -> Issued:
        """A certificate of ``name`` for these DNS names and addresses, for ``name`` itself if there are none."""
        key = key or _key(name)
        builder = _builder(name, self.name, key, since, life)
        builder = builder.add_extension(x509.SubjectAlternativeName(list(map(_name, names or (name,)))), critical=False)
        builder = builder.add_extension(_usage(signs=False), critical=True)
        certificate = _signed(builder, self.key)
        above = self.pem if self.parent else ""
        return Issued(certificate, key, _pem(certificate) + above)

    def revoke(self, *revoked: Issued, at: datetime = SINCE, life: timedelta = LIFE) -> str:
        """The list of what it has revoked, in PEM."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(at).next_update(at + life)
        for each in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number).revocation_date(at)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.key, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.PEM).decode()


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """Another one each time."""
    return rsa.generate_private_key(65537, bits)


def pem_of(certificates: Sequence[x509.Certificate]) -> str:
    """Several certificates in this order."""
    return "".join(map(_pem, certificates))


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _key(name: str) -> ec.EllipticCurvePrivateKey:
    number = int.from_bytes(sha256(f"key of {name}".encode()).digest()) % (_P256_ORDER - 1) + 1
    return ec.derive_private_key(number, ec.SECP256R1())


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.UniformResourceIdentifier(text) if "://" in text else x509.DNSName(text)


def _builder(subject: str, issuer: str, key: Key, since: datetime, life: timedelta) -> x509.CertificateBuilder:
    serial = int.from_bytes(sha256(f"{subject} by {issuer} since {since} for {life}".encode()).digest()[:8]) | 1
    builder = x509.CertificateBuilder().subject_name(_common_name(subject)).issuer_name(_common_name(issuer))
    builder = builder.public_key(key.public_key()).serial_number(serial)
    return builder.not_valid_before(since).not_valid_after(since + life)


def _common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _signed(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )
