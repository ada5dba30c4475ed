"""Authorities in a folder: written so that a crash at any moment leaves what was before or what is after.

- ``state.json``: which authority is in which slot. What is not in it does not exist.
- ``authorities/VERSION/``: ``root-cert.pem``, ``root-key.pem``, ``ca-cert.pem``, ``ca-key.pem``, ``cert-chain.pem``,
  ``jwt-key.pem``, and ``ca-crl.pem`` if somebody else has made it and it has one. Never changed.
- ``lists/NUMBER.pem``: the lists of revoked certificates that the state names by that number. Never changed.
- ``root-cert.pem``: the bundle of all trusted roots, the active one first. Anybody may read it.
- ``ca-crl.pem``: all lists of revoked certificates, if anything is revoked. Anybody may read it.
- ``lock``: held by whoever changes the folder.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from xds.ca.authority_files import authority_files, read_authority
from xds.ca.disk import PRIVATE_FILE, PUBLIC_FILE, Disk
from xds.ca.encoding import (
    State,
    certificates_pem,
    lists_pem,
    read_lists,
    read_state,
    state_json,
)
from xds.ca.errors import CertificateError, KeystoreError
from xds.ca.revocation import Revocations
from xds.ca.stored import Retired
from xds.ca.stored import Stored as Stored  # it is part of what callers see

STATE: Final = "state.json"
AUTHORITIES: Final = "authorities"
BUNDLE: Final = "root-cert.pem"
REVOKED: Final = "ca-crl.pem"
LISTS: Final = "lists"
LOCK: Final = "lock"

_LOCK_SECONDS: Final = 1.0
_LOCK_PAUSE_SECONDS: Final = 0.005
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


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
            authorities = {
                id_: read_authority(self.folder / AUTHORITIES / version, found.trust_domain)
                for id_, version in found.versions.items()
            }
            retired = tuple(
                Retired(read_authority(self.folder / AUTHORITIES / version, found.trust_domain), until)
                for version, until in found.retired.items()
            )
            revocations = self._read_revocations(found)
        except (CertificateError, OSError) as error:
            raise KeystoreError(str(error)) from error
        return Stored(found.trust_domain, found.slots, authorities, retired, revocations)

    def save(self, stored: Stored) -> None:
        """Puts this in the place of what is there, and brings the rest of the folder up to date. Raises OSError."""
        self.commit(stored)
        self.tidy(stored)

    def commit(self, stored: Stored) -> None:
        """Puts this in the place of what is there: it holds from the moment that the state names it.

        Raises OSError, and then what was there holds.
        """
        folder = self.folder / AUTHORITIES
        self._disk.make_folder(folder)
        for authority in stored.living:
            if not (folder / authority.version).exists():
                self._disk.write_folder(folder / authority.version, authority_files(authority))
        self._save_lists(stored.revocations)
        self._disk.write(self.folder / STATE, state_json(_state(stored)))

    def tidy(self, stored: Stored) -> None:
        """Makes the rest of the folder say what the state says: after a crash, it may be behind. Raises OSError."""
        self._show(BUNDLE, certificates_pem(stored.bundle))
        self._show(REVOKED, lists_pem(stored.lists))
        self._keep(self.folder / AUTHORITIES, {authority.version for authority in stored.living})
        self._keep(self.folder / LISTS, [_list_file(stored.revocations.number)] if stored.revocations.lists else ())

    def _show(self, name: str, content: bytes) -> None:
        """A file for everybody to read; none if there is nothing to show."""
        path = self.folder / name
        if not content:
            if path.exists():
                self._disk.remove(path)
        elif not path.exists() or path.read_bytes() != content:
            self._disk.write(path, content, PUBLIC_FILE)

    def _keep(self, folder: Path, in_use: Collection[str]) -> None:
        for path in [path for path in folder.iterdir() if path.name not in in_use] if folder.exists() else ():
            self._disk.remove(path)

    def _save_lists(self, revocations: Revocations) -> None:
        path = self.folder / LISTS / _list_file(revocations.number)
        if revocations.lists and not path.exists():
            self._disk.make_folder(path.parent)
            self._disk.write(path, lists_pem(revocations.lists))

    def _read_revocations(self, state: State) -> Revocations:
        path = self.folder / LISTS / _list_file(state.number)
        lists = read_lists(path.read_bytes(), str(path)) if state.signed_by else ()
        return Revocations(state.revoked, state.number, lists, state.signed_by)

    def _check_permissions(self) -> None:
        for path in (self.folder, *sorted(self.folder.rglob("*"))):
            try:
                mode = path.lstat().st_mode
            except FileNotFoundError:  # a token that was just used, or a file that was just put in place of another
                continue
            is_public = path.parent == self.folder and path.name.startswith((BUNDLE, REVOKED))  # unfinished ones too
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


def _state(stored: Stored) -> State:
    return State(
        stored.trust_domain,
        stored.slots,
        {id_: authority.version for id_, authority in stored.authorities.items()},
        {each.authority.version: each.until for each in stored.retired},
        stored.revocations.revoked,
        stored.revocations.number,
        stored.revocations.signed_by,
    )


def _list_file(number: int) -> str:
    return f"{number}.pem"
