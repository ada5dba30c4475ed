"""Authorities in a folder: written so that a crash at any moment leaves what was before or what is after.

- ``state.json``: which authority is in which slot. What is not in it does not exist.
- ``authorities/VERSION/``: ``root-cert.pem``, ``root-key.pem``, ``ca-cert.pem``, ``ca-key.pem``, ``cert-chain.pem``,
  ``jwt-key.pem``. Never changed.
- ``root-cert.pem``: the bundle of all trusted roots, the active one first. Anybody may read it.
- ``lock``: held by whoever changes the folder.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from xds.ca.authority import Authority
from xds.ca.disk import PRIVATE_FILE, PUBLIC_FILE, Disk
from xds.ca.encoding import certificates_pem, key_pem, read_certificates, read_key, read_state, state_json
from xds.ca.errors import CertificateError, KeystoreError
from xds.ca.profile import Signer
from xds.ca.slots import Slots

STATE: Final = "state.json"
AUTHORITIES: Final = "authorities"
BUNDLE: Final = "root-cert.pem"
LOCK: Final = "lock"

_LOCK_SECONDS: Final = 1.0
_LOCK_PAUSE_SECONDS: Final = 0.005
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Stored:
    """What a folder has. authorities: by id, all that are in slots."""

    trust_domain: str
    slots: Slots = field(default_factory=Slots)
    authorities: Mapping[str, Authority] = field(default_factory=dict)

    @property
    def bundle(self) -> tuple[x509.Certificate, ...]:
        """Every root that is trusted, the active authority's first."""
        roots = (root for member in self.slots.trusted for root in self.authorities[member.id].roots)
        return tuple(dict.fromkeys(roots))  # what is plugged in may bring others' roots with it


class Keystore:
    """A folder of authorities. Safe against crashes; against others that change it only inside `locked`."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self.folder = folder
        self._disk = disk or Disk()

    @property
    def bundle_path(self) -> Path:
        """Where the trusted roots are, for everybody to read."""
        return self.folder / BUNDLE

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes the folder meanwhile. Raises KeystoreError if somebody is about to, for too long."""
        self._disk.make_folder(self.folder)
        self._check_permissions()
        descriptor = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, PRIVATE_FILE)
        try:
            _lock(descriptor)
            yield
        except BlockingIOError as error:
            raise KeystoreError(f"{self.folder} is in use by another process") from error
        finally:
            os.close(descriptor)

    def load(self) -> Stored | None:
        """What is there; None in an empty folder. Raises KeystoreError for loose permissions, and for a folder that is
        damaged in a way that no crash leaves."""
        self._check_permissions()
        state = self.folder / STATE
        if not state.exists():
            if self.bundle_path.exists():
                raise KeystoreError(f"{state} is missing: put it back, or move {self.folder} away to start anew")
            return None
        try:
            found = read_state(state.read_bytes(), str(state))
            authorities = {id_: self._read(version, found.trust_domain) for id_, version in found.versions.items()}
        except (CertificateError, OSError) as error:
            raise KeystoreError(str(error)) from error
        return Stored(found.trust_domain, found.slots, authorities)

    def save(self, stored: Stored) -> None:
        """Puts this in the place of what is there: it holds from the moment that the state names it."""
        folder = self.folder / AUTHORITIES
        self._disk.make_folder(folder)
        for authority in stored.authorities.values():
            if not (folder / authority.version).exists():
                self._disk.write_folder(folder / authority.version, _files(authority))
        versions = {id_: authority.version for id_, authority in stored.authorities.items()}
        self._disk.write(self.folder / STATE, state_json(stored.trust_domain, stored.slots, versions))
        self.tidy(stored)

    def tidy(self, stored: Stored) -> None:
        """Makes the rest of the folder say what the state says: after a crash, it may be behind."""
        bundle = certificates_pem(stored.bundle)
        if not self.bundle_path.exists() or self.bundle_path.read_bytes() != bundle:
            self._disk.write(self.bundle_path, bundle, PUBLIC_FILE)
        folder = self.folder / AUTHORITIES
        in_use = {authority.version for authority in stored.authorities.values()}
        for path in [path for path in folder.iterdir() if path.name not in in_use]:
            self._disk.remove(path)

    def _read(self, version: str, trust_domain: str) -> Authority:
        folder = self.folder / AUTHORITIES / version
        roots = read_certificates((folder / "root-cert.pem").read_bytes(), f"{folder}/root-cert.pem")
        (issuing,) = read_certificates((folder / "ca-cert.pem").read_bytes(), f"{folder}/ca-cert.pem")
        key = read_key((folder / "ca-key.pem").read_bytes(), f"{folder}/ca-key.pem")
        between = (folder / "cert-chain.pem").read_bytes()  # empty below a root that signs itself
        chain = read_certificates(between, f"{folder}/cert-chain.pem") if between else ()
        root_key = folder / "root-key.pem"
        found = read_key(root_key.read_bytes(), str(root_key)) if root_key.exists() else None
        jwt_key = read_key((folder / "jwt-key.pem").read_bytes(), f"{folder}/jwt-key.pem")
        if not isinstance(jwt_key, ec.EllipticCurvePrivateKey):
            raise CertificateError(f"{folder}/jwt-key.pem: the key has to be EC")
        return Authority(trust_domain, roots, Signer(issuing, key), chain, jwt_key, found)

    def _check_permissions(self) -> None:
        for path in (self.folder, *sorted(self.folder.rglob("*"))):
            try:
                mode = path.lstat().st_mode
            except FileNotFoundError:  # a token that was just used, or a file that was just put in place of another
                continue
            is_public = path.parent == self.folder and path.name.startswith(BUNDLE)  # unfinished ones too
            if mode & _OTHERS and not is_public and not stat.S_ISLNK(mode):
                raise KeystoreError(f"{path} is open to others than its owner: chmod go-rwx {path}")


def _lock(descriptor: int) -> None:
    """Waits for whoever has the lock, who needs it for milliseconds. Raises BlockingIOError if it takes too long."""
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_LOCK_PAUSE_SECONDS)
        else:
            return


def _files(authority: Authority) -> dict[str, bytes]:
    files = {
        "root-cert.pem": certificates_pem(authority.roots),
        "ca-cert.pem": certificates_pem([authority.issuing.certificate]),
        "ca-key.pem": key_pem(authority.issuing.key),
        "cert-chain.pem": certificates_pem(authority.chain),
        "jwt-key.pem": key_pem(authority.jwt_key),
    }
    if authority.root_key is not None:
        files["root-key.pem"] = key_pem(authority.root_key)
    return files
