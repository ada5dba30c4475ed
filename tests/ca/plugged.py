"""Authorities that somebody else has made, in files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.ca.kit import NOW, pem
from xds.ca.encoding import key_pem
from xds.ca.profile import PrivateKey, usage

YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Made:
    """A certificate, and its key."""

    certificate: x509.Certificate
    key: PrivateKey


def made(
    name: str,
    above: Made | None = None,
    *,
    key: PrivateKey | None = None,
    authority: bool = True,
    lists: bool = True,
    length: int | None = None,
    begins: datetime = NOW - YEAR,
    ends: datetime = NOW + YEAR,
) -> Made:
    """An authority as others make them: without key identifiers or usages. above: who signs; None: it does itself.
    lists: whether it may sign what is revoked; if not, it says what it may."""
    own = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).public_key(own.public_key())
    builder = builder.issuer_name(above.certificate.subject if above else subject).serial_number(
        x509.random_serial_number()
    )
    builder = builder.not_valid_before(begins).not_valid_after(ends)
    builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=length), critical=True)
    if not lists:
        builder = builder.add_extension(usage(key_cert_sign=True), critical=True)
    return Made(builder.sign(above.key if above else own, hashes.SHA256()), own)


def files(issuing: Made, *between: Made, roots: tuple[Made, ...]) -> dict[str, bytes]:
    """As ``cacerts`` has them."""
    return {
        "ca-cert.pem": pem(issuing.certificate),
        "ca-key.pem": key_pem(issuing.key),
        "cert-chain.pem": pem(issuing.certificate, *(each.certificate for each in between)),
        "root-cert.pem": pem(*(each.certificate for each in roots)),
    }


def write(folder: Path, content: dict[str, bytes]) -> Path:
    """Puts files in a folder, each for its owner alone."""
    folder.mkdir(exist_ok=True)
    for name, data in content.items():
        (folder / name).write_bytes(data)
        (folder / name).chmod(0o600)
    return folder
