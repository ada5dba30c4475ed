"""Certificates, keys and slots as they stand in files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from xds.ca.errors import CertificateError
from xds.ca.profile import PrivateKey
from xds.ca.revocation import Revoked
from xds.ca.slots import Member, Slot, Slots
from xds.model.file_format import NewerFormatError, check_format

_LIST: Final = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)


class State(NamedTuple):
    """What a keystore consists of. versions: of its authorities, by id. retired: versions of those that sign no more,
    and until when what they have signed may hold. number, signed_by: of the lists of revoked certificates."""

    trust_domain: str
    slots: Slots
    versions: Mapping[str, str]
    retired: Mapping[str, datetime]
    revoked: tuple[Revoked, ...]
    number: int
    signed_by: tuple[str, ...]


def certificates_pem(certificates: Iterable[x509.Certificate]) -> bytes:
    """PEM, one after the other."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def key_pem(key: PrivateKey) -> bytes:
    """PKCS#8, PEM, not encrypted: the folder's permissions protect it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def read_certificates(content: bytes, what: str) -> tuple[x509.Certificate, ...]:
    """All certificates of a PEM file, at least one. what: for the error. Raises CertificateError."""
    try:
        found = tuple(x509.load_pem_x509_certificates(content))
    except ValueError as error:
        raise CertificateError(f"{what} has no certificate in PEM: {error}") from error
    if not found:
        raise CertificateError(f"{what} has no certificate in PEM")
    return found


def read_lists(content: bytes, what: str) -> tuple[x509.CertificateRevocationList, ...]:
    """All lists of revoked certificates of a PEM file, at least one. what: for the error. Raises CertificateError."""
    blocks = _LIST.findall(content)
    if not blocks:
        raise CertificateError(f"{what} has no list of revoked certificates in PEM")
    try:
        return tuple(map(x509.load_pem_x509_crl, blocks))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateError(f"{what} has a list of revoked certificates that cannot be read: {error}") from error


def lists_pem(lists: Iterable[x509.CertificateRevocationList]) -> bytes:
    """PEM, one after the other."""
    return b"".join(each.public_bytes(Encoding.PEM) for each in lists)


def read_key(content: bytes, what: str) -> PrivateKey:
    """A private key, PEM. what: for the error, which never shows the content. Raises CertificateError."""
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CertificateError(f"{what} has no usable private key in PEM, without a password") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise CertificateError(f"{what}: the key has to be EC or RSA")
    return key


def state_json(state: State) -> bytes:
    """The state of a keystore."""
    members = [
        {
            "id": member.id,
            "version": state.versions[member.id],
            "slot": member.slot.value,
            "since": member.since.isoformat(),
            "expires": member.expires.isoformat(),
            "tainted": member.tainted,
        }
        for member in state.slots.members
    ]
    document = {
        "version": 1,
        "trustDomain": state.trust_domain,
        "members": members,
        "retired": {version: until.isoformat() for version, until in state.retired.items()},
        "revoked": [
            {"serial": f"{each.serial:x}", "at": each.at.isoformat(), "until": each.until.isoformat()}
            for each in state.revoked
        ],
        "lists": {"number": state.number, "signedBy": list(state.signed_by)},
    }
    return json.dumps(document, indent=2).encode() + b"\n"


def read_state(content: bytes, what: str) -> State:
    """The same, read. what: for the error. Raises CertificateError."""
    try:
        document = json.loads(content)
        check_format(document, what)
        members = tuple(
            Member(
                str(entry["id"]),
                Slot(entry["slot"]),
                datetime.fromisoformat(entry["since"]),
                datetime.fromisoformat(entry["expires"]),
                bool(entry["tainted"]),
            )
            for entry in document["members"]
        )
        versions = {str(entry["id"]): str(entry["version"]) for entry in document["members"]}
        retired = {
            str(version): datetime.fromisoformat(until) for version, until in document.get("retired", {}).items()
        }
        revoked = tuple(
            Revoked(int(each["serial"], 16), datetime.fromisoformat(each["at"]), datetime.fromisoformat(each["until"]))
            for each in document.get("revoked", ())
        )
        lists = document.get("lists", {"number": 0, "signedBy": []})
        signed_by = tuple(map(str, lists["signedBy"]))
        return State(
            str(document["trustDomain"]), Slots(members), versions, retired, revoked, int(lists["number"]), signed_by
        )
    except NewerFormatError as error:
        advice = "start that version again, or put back a copy of the folder from before the upgrade"
        raise CertificateError(f"{error}; {advice}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CertificateError(f"{what} is damaged: {error!r}") from error
