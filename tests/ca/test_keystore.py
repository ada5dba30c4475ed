"""The folder of the authority: what is written is read again, and a crash at any moment costs nothing."""

from __future__ import annotations

import errno
import os
import stat
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from tests.ca.kit import NOW, TRUST_DOMAIN, authority
from xds.ca.authority import Authority, KeyType, renewed
from xds.ca.disk import Disk
from xds.ca.encoding import certificates_pem, key_pem
from xds.ca.errors import KeystoreError
from xds.ca.keystore import Keystore, Stored
from xds.ca.profile import Lifetimes
from xds.ca.service import CertificateAuthority, Policy
from xds.ca.slots import Slots


class Crash(BaseException):
    """The process is gone."""


class FailingDisk(Disk):
    """Crashes in the operation of this number, before it is done, or with half of a file written."""

    def __init__(self, number: int) -> None:
        self.left = number

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Crash

    def put(self, path: Path, content: bytes, mode: int) -> None:
        try:
            self._count()
        except Crash:
            super().put(path, content[: len(content) // 2], mode)
            raise
        super().put(path, content, mode)

    def rename(self, old: Path, new: Path) -> None:
        self._count()
        super().rename(old, new)

    def remove(self, path: Path) -> None:
        self._count()
        super().remove(path)


class FullDisk(Disk):
    """A disk on which there is room for so many bytes more."""

    def __init__(self, room: int) -> None:
        self.room = room

    def put(self, path: Path, content: bytes, mode: int) -> None:
        fits = content[: max(0, self.room)]
        super().put(path, fits, mode)
        self.room -= len(fits)
        if len(fits) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def first() -> Stored:
    one = authority()
    return Stored(TRUST_DOMAIN, Slots().prepare(one.id, NOW + timedelta(days=3650), NOW), {one.id: one})


def rotated(before: Stored) -> Stored:
    """With a prepared root, and the active authority's issuing certificate renewed: all that a step can change."""
    new = authority()
    active = before.slots.active
    assert active is not None
    fresh = renewed(
        before.authorities[active.id], KeyType.EC_P256, Lifetimes(), now=NOW, serial=x509.random_serial_number
    )
    slots = before.slots.prepare(new.id, NOW + timedelta(days=3650), NOW)
    return Stored(TRUST_DOMAIN, slots, {**before.authorities, active.id: fresh, new.id: new})


def shape(stored: Stored | None) -> object:
    """What can be compared."""
    if stored is None:
        return None
    return stored.trust_domain, stored.slots, {id_: _content(one) for id_, one in stored.authorities.items()}


def _content(one: Authority) -> tuple[bytes, ...]:
    root_key = key_pem(one.root_key) if one.root_key is not None else b""
    certificates = certificates_pem([*one.roots, one.issuing.certificate, *one.chain])
    return certificates, key_pem(one.issuing.key), root_key


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    store, stored = Keystore(tmp_path / "ca"), rotated(first())
    with store.locked():
        assert store.load() is None
        store.save(stored)
        assert shape(store.load()) == shape(stored)
    assert x509.load_pem_x509_certificates(store.bundle_path.read_bytes()) == list(stored.bundle)


@pytest.mark.parametrize("room", range(0, 12_000, 500))
def test_a_full_disk_leaves_what_was_there_and_nothing_half_written(tmp_path: Path, room: int) -> None:
    before = first()
    store, disk = Keystore(tmp_path / "ca"), FullDisk(room)
    full, after = Keystore(tmp_path / "ca", disk), rotated(before)
    with store.locked():
        store.save(before)
    with full.locked():
        saved = False
        with suppress(OSError):
            full.commit(after)
            saved = True
            full.tidy(after)
        assert not list(store.folder.rglob("*.new"))
        assert shape(store.load()) == shape(after if saved else before)
        disk.room = 1_000_000
        full.save(after)
    assert shape(store.load()) == shape(after)
    assert x509.load_pem_x509_certificates(store.bundle_path.read_bytes()) == list(after.bundle)


def test_only_the_bundle_is_open_to_others(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = Keystore(tmp_path / "ca")
        with store.locked():
            store.save(first())
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [store.folder, *store.folder.rglob("*")]}
    assert modes.pop("ca") == modes.pop("authorities") == 0o700
    assert {name: mode for name, mode in modes.items() if mode == 0o644} == {}  # but for the one below, of that name
    assert stat.S_IMODE(store.bundle_path.stat().st_mode) == 0o644


@pytest.mark.parametrize("loose", ["", "state.json", "authorities"])
def test_loose_permissions_are_refused(tmp_path: Path, loose: str) -> None:
    store = Keystore(tmp_path / "ca")
    with store.locked():
        store.save(first())
    path = store.folder / loose
    path.chmod(path.stat().st_mode | 0o040)
    with pytest.raises(KeystoreError, match=f"chmod go-rwx {path}"):
        store.load()


def test_two_processes_do_not_change_it_at_once(tmp_path: Path) -> None:
    with Keystore(tmp_path / "ca").locked():
        other = Keystore(tmp_path / "ca")
        with pytest.raises(KeystoreError, match="in use by another process"), other.locked():
            pass
    with Keystore(tmp_path / "ca").locked():
        pass


def test_one_process_waits_for_another_that_is_soon_done(tmp_path: Path) -> None:
    holding, letting_go = Keystore(tmp_path / "ca").locked(), threading.Event()

    def hold() -> None:
        with holding:
            held.set()
            letting_go.wait(10)

    held, thread = threading.Event(), threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    threading.Timer(0.05, letting_go.set).start()
    with Keystore(tmp_path / "ca").locked():
        assert letting_go.is_set()
    thread.join()


def test_a_crash_at_any_moment_leaves_what_was_or_what_is_to_be(tmp_path: Path) -> None:
    outcomes: list[bool] = []
    before, operations = first(), 0
    after = rotated(before)
    while True:
        store = Keystore(tmp_path / str(operations))
        with store.locked():
            store.save(before)
            try:
                Keystore(store.folder, FailingDisk(operations)).save(after)
                crashed = False
            except Crash:
                crashed = True
        with Keystore(store.folder).locked():
            found = Keystore(store.folder).load()
            assert found is not None
            Keystore(store.folder).tidy(found)
        assert shape(found) in (shape(before), shape(after))
        assert x509.load_pem_x509_certificates(store.bundle_path.read_bytes()) == list(found.bundle)
        kept = sorted(path.name for path in (store.folder / "authorities").iterdir())
        assert kept == sorted(one.version for one in found.authorities.values())
        outcomes.append(shape(found) == shape(after))
        if not crashed:
            break
        operations += 1
    assert operations > 10
    assert outcomes == sorted(outcomes)  # from one moment on, it is what is to be
    assert set(outcomes) == {False, True}


def test_a_crash_of_the_first_start_leaves_nothing_or_all(tmp_path: Path) -> None:
    for operations in range(40):
        store = Keystore(tmp_path / str(operations), FailingDisk(operations))
        stored = first()
        with store.locked():
            try:
                store.save(stored)
            except Crash:
                assert shape(Keystore(store.folder).load()) in (None, shape(stored))
                continue
        break
    else:
        raise AssertionError("it never got through")


def test_a_state_that_somebody_took_away_is_no_first_start(tmp_path: Path) -> None:
    store = Keystore(tmp_path / "ca")
    with store.locked():
        store.save(first())
    (store.folder / "state.json").unlink()
    with pytest.raises(KeystoreError, match=r"state\.json is missing: put it back"):
        store.load()


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"{", "is damaged"), (b"[]", "is damaged"), (b'{"version": 2}', "newer version"), (b'{"version": 1}', "damaged")],
)
def test_a_damaged_state_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    store = Keystore(tmp_path / "ca")
    with store.locked():
        store.save(first())
    (store.folder / "state.json").write_bytes(content)
    with pytest.raises(KeystoreError, match=reason):
        store.load()


def test_a_folder_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "ca"
    made = CertificateAuthority(Keystore(folder), Policy(), lambda: NOW)
    made.start(TRUST_DOMAIN)
    state = folder / "state.json"
    state.write_bytes(state.read_bytes().replace(b'"version": 1', b'"version": 2'))
    (folder / "authorities" / "of-the-newer").mkdir(mode=0o700)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    with pytest.raises(KeystoreError, match="its format is 2, and this version reads 1; start that version again"):
        CertificateAuthority(Keystore(folder), Policy(), lambda: NOW).start(TRUST_DOMAIN)

    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert (folder / "authorities" / "of-the-newer").is_dir()


def test_a_key_that_is_gone_is_refused(tmp_path: Path) -> None:
    store, stored = Keystore(tmp_path / "ca"), first()
    with store.locked():
        store.save(stored)
    (one,) = stored.authorities.values()
    (store.folder / "authorities" / one.version / "ca-key.pem").write_bytes(b"nothing")
    with pytest.raises(KeystoreError, match=r"ca-key\.pem has no usable private key"):
        store.load()


def test_a_step_that_changes_slots_only_writes_no_keys(tmp_path: Path) -> None:
    store, stored = Keystore(tmp_path / "ca"), rotated(first())
    with store.locked():
        store.save(stored)
        keys = {path: path.stat().st_mtime_ns for path in store.folder.rglob("*-key.pem")}
        store.save(replace(stored, slots=stored.slots.activate(NOW)))
    assert {path: path.stat().st_mtime_ns for path in store.folder.rglob("*-key.pem")} == keys
