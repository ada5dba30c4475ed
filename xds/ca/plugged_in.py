"""An authority that somebody else has made: files in the layout of Istio's ``cacerts``, checked before they are used.

- ``ca-cert.pem``, ``ca-key.pem``: what signs.
- ``cert-chain.pem``: what lies between it and its root, in any order; itself and the root may be there too.
- ``root-cert.pem``: what verifiers are to trust: its root, and others beside it.
- ``ca-crl.pem``, which need not be there: lists of what these authorities have revoked.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa

from xds.ca.encoding import read_certificates, read_key, read_lists
from xds.ca.errors import PluggedInError
from xds.ca.profile import PrivateKey, Signer
from xds.ca.revocation import is_signed_by, may_sign_lists

CERTIFICATE: Final = "ca-cert.pem"
KEY: Final = "ca-key.pem"
CHAIN: Final = "cert-chain.pem"
ROOTS: Final = "root-cert.pem"
LISTS: Final = "ca-crl.pem"
FILES: Final = (CERTIFICATE, KEY, CHAIN, ROOTS, LISTS)

MAX_FILE: Final = 1 << 20
"""Bytes of a file that is read."""

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_LEAST_RSA_BITS: Final = 2048


@dataclass(frozen=True, slots=True, eq=False)
class PluggedIn:
    """roots: the one that the chain ends in first. chain: from what signs to below the root; empty if the root signs
    itself. lists: of revoked certificates."""

    roots: tuple[x509.Certificate, ...]
    signer: Signer
    chain: tuple[x509.Certificate, ...] = field(repr=False)
    lists: tuple[x509.CertificateRevocationList, ...] = field(default=(), repr=False)


def read_folder(folder: Path, now: datetime) -> PluggedIn:
    """What a folder has. Raises PluggedInError with the file and what is wrong with it."""
    try:
        _check_permissions(folder / KEY)
        files = {name: _content(folder / name) for name in FILES if name != LISTS or (folder / name).exists()}
    except OSError as error:
        raise PluggedInError(f"{error.filename or folder}: {error.strerror}") from error
    try:
        return plugged_in(files, now)
    except PluggedInError as error:
        raise PluggedInError(f"{folder}/{error}") from error


def plugged_in(files: Mapping[str, bytes], now: datetime) -> PluggedIn:
    """What files have, by name. Raises PluggedInError; its message begins with the file."""
    try:
        issuing = _only(read_certificates(files[CERTIFICATE], CERTIFICATE))
        key = read_key(files[KEY], KEY)
        between = read_certificates(files[CHAIN], CHAIN)
        roots = read_certificates(files[ROOTS], ROOTS)
        lists = read_lists(files[LISTS], LISTS) if LISTS in files else ()
    except PluggedInError:
        raise
    except ValueError as error:
        raise PluggedInError(str(error)) from error
    _check_key(key, issuing)
    path = _path(issuing, between, roots)
    for below, certificate in enumerate(path):
        _check_authority(certificate, below, now, CERTIFICATE if below == 0 else CHAIN)
    for certificate in roots:
        if not _is_authority(certificate):
            raise PluggedInError(f"{ROOTS}: {_name(certificate)} is no authority")
    _check_lists(lists, [*path, *between, *roots], path, now)
    first = path[-1]
    others = tuple(certificate for certificate in roots if certificate != first)
    return PluggedIn((first, *others), Signer(issuing, key), tuple(path[:-1]), lists)


def marks(folder: Path, names: Iterable[str] = FILES) -> tuple[tuple[int, int, int], ...]:
    """Changes whenever somebody writes one of the files, or swaps what a link leads to."""
    return tuple(_mark(folder / name) for name in names)


def _mark(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0, 0
    return status.st_ino, status.st_mtime_ns, status.st_size


def _content(path: Path) -> bytes:
    with path.open("rb") as stream:
        content = stream.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise PluggedInError(f"{path} has more than {MAX_FILE} bytes")
    return content


def _check_permissions(key: Path) -> None:
    """Files that a link leads to are passed over: a mounted Secret is like that, and its modes are not the user's."""
    if key.is_symlink() or key.parent.is_symlink():
        return
    if key.stat().st_mode & _OTHERS:
        raise PluggedInError(f"{key} is open to others than its owner: chmod go-rwx {key}")


def _only(certificates: Sequence[x509.Certificate]) -> x509.Certificate:
    if len(certificates) != 1:
        raise PluggedInError(f"{CERTIFICATE} has {len(certificates)} certificates; it has to have the one that signs")
    return certificates[0]


def _check_key(key: PrivateKey, issuing: x509.Certificate) -> None:
    if key.public_key() != issuing.public_key():
        raise PluggedInError(f"{KEY} is not the key of {CERTIFICATE}")
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < _LEAST_RSA_BITS:
        raise PluggedInError(f"{KEY} has {key.key_size} bits; {_LEAST_RSA_BITS} are the least")


def _path(
    issuing: x509.Certificate, between: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]
) -> list[x509.Certificate]:
    """From what signs to its root, both of them in it. They are the same if the root signs itself."""
    path = [issuing]
    while path[-1] not in roots:
        above = next(_issuers(path[-1], [*roots, *(each for each in between if each not in path)]), None)
        if above is None:
            reason = f"nothing in {CHAIN} or {ROOTS} has signed {_name(path[-1])}"
            raise PluggedInError(f"{CHAIN}: it does not lead to a root: {reason}")
        path.append(above)
    return path


def _issuers(certificate: x509.Certificate, candidates: Sequence[x509.Certificate]) -> Iterator[x509.Certificate]:
    for candidate in candidates:
        try:
            certificate.verify_directly_issued_by(candidate)
        except (InvalidSignature, ValueError, TypeError):
            continue
        yield candidate


def _check_authority(certificate: x509.Certificate, below: int, now: datetime, file: str) -> None:
    """below: how many authorities are between it and what a workload gets."""
    if not _is_authority(certificate):
        raise PluggedInError(f"{file}: {_name(certificate)} is no authority: it may not sign certificates")
    length = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
    if length is not None and length < below:
        raise PluggedInError(f"{file}: {_name(certificate)} allows {length} authorities below it, and has {below}")
    if now >= certificate.not_valid_after_utc:
        raise PluggedInError(f"{file}: {_name(certificate)} ended at {certificate.not_valid_after_utc:%F %T} UTC")
    if now < certificate.not_valid_before_utc:
        raise PluggedInError(f"{file}: {_name(certificate)} holds from {certificate.not_valid_before_utc:%F %T} UTC")


def _check_lists(
    lists: Iterable[x509.CertificateRevocationList],
    authorities: Sequence[x509.Certificate],
    path: Sequence[x509.Certificate],
    now: datetime,
) -> None:
    for each in lists:
        if each.next_update_utc is not None and now >= each.next_update_utc:
            reason = f"the list of {each.issuer.rfc4514_string()} ended at {each.next_update_utc:%F %T} UTC"
            raise PluggedInError(f"{LISTS}: {reason}")
        signers = [certificate for certificate in authorities if is_signed_by(each, certificate)]
        if not signers:
            raise PluggedInError(
                f"{LISTS}: none of the authorities here has signed the list of {each.issuer.rfc4514_string()}"
            )
        if not all(map(may_sign_lists, signers)):
            raise PluggedInError(
                f"{LISTS}: {each.issuer.rfc4514_string()} may not sign lists (its key usage is without cRLSign)"
            )
        for certificate in path:
            of_it = each.get_revoked_certificate_by_serial_number(certificate.serial_number)
            if of_it is not None and certificate.issuer == each.issuer:
                raise PluggedInError(f"{LISTS}: {_name(certificate)} is revoked itself")


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        extensions = certificate.extensions
        if not extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
        return extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound as error:
        return error.oid == x509.KeyUsage.oid  # what says nothing of its use may be used (RFC 5280, 4.2.1.3)
    except (ValueError, x509.DuplicateExtension):
        return False


def _name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or f"the certificate {certificate.serial_number:x}"
