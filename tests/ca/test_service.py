"""The authority of a control plane: its first start, its rotation by age, and steps that others make."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from tests.ca.kit import NOW, REVIEWS, TRUST_DOMAIN, request
from tests.ca.test_keystore import FullDisk
from xds.ca.errors import CertificateError, KeystoreError, RateLimitError, RotationError
from xds.ca.keyed import keyed_svid
from xds.ca.keystore import Keystore
from xds.ca.limits import BURST
from xds.ca.profile import Lifetimes
from xds.ca.service import CertificateAuthority, Policy
from xds.ca.svid import check_svid

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def started(folder: Path, clock: Clock, policy: Policy | None = None) -> CertificateAuthority:
    authority = CertificateAuthority(Keystore(folder), policy or Policy(), clock)
    authority.start(TRUST_DOMAIN)
    return authority


def test_a_first_start_makes_an_authority_and_the_next_one_finds_it(tmp_path: Path, clock: Clock) -> None:
    one = started(tmp_path / "ca", clock)
    leaf = one.issue(request(), REVIEWS)
    again = started(tmp_path / "ca", clock)
    assert again.bundle == one.bundle
    assert check_svid(leaf.certificate, again.active.issuing.certificate, NOW) == REVIEWS


def test_a_folder_of_another_trust_domain_is_refused(tmp_path: Path, clock: Clock) -> None:
    started(tmp_path / "ca", clock)
    with pytest.raises(KeystoreError, match=r"is for the trust domain cluster\.local"):
        CertificateAuthority(Keystore(tmp_path / "ca"), Policy(), clock).start("elsewhere")


def test_nothing_is_issued_before_the_start(tmp_path: Path, clock: Clock) -> None:
    with pytest.raises(KeystoreError, match="has not been started"):
        CertificateAuthority(Keystore(tmp_path / "ca"), Policy(), clock).issue(request(), REVIEWS)


def test_whoever_asks_too_often_is_told(tmp_path: Path, clock: Clock) -> None:
    authority, csr = started(tmp_path / "ca", clock), request()
    for _ in range(BURST):
        authority.issue(csr, REVIEWS)
    with pytest.raises(RateLimitError, match="asks too often"):
        authority.issue(csr, REVIEWS)
    clock.now += timedelta(seconds=1)
    authority.issue(csr, REVIEWS)


def test_a_short_life_that_is_usual_may_be_asked_for_and_is_not_half_over_when_it_begins(
    tmp_path: Path, clock: Clock
) -> None:
    usual = timedelta(seconds=10)
    authority = started(tmp_path / "ca", clock, Policy(lifetimes=Lifetimes.of_workloads(usual)))
    held = keyed_svid(authority, REVIEWS)
    leaf = held.issued.certificate
    assert leaf.not_valid_after_utc == clock.now + usual
    assert usual * 0.4 <= held.renew_in <= usual * 0.5
    assert authority.issue(request(), REVIEWS, DAY).certificate.not_valid_after_utc == clock.now + DAY
    shorter = authority.issue(request(), REVIEWS, usual / 2).certificate
    assert shorter.not_valid_after_utc == clock.now + usual


@pytest.mark.parametrize(
    ("usual", "most", "asked", "granted"),
    [
        (DAY, None, None, DAY),
        (DAY, None, 2 * DAY, DAY),
        (2 * DAY, None, None, 2 * DAY),
        (HOUR, None, 2 * DAY, DAY),
        (HOUR, 10 * DAY, 2 * DAY, 2 * DAY),
        (HOUR, None, timedelta(seconds=10), timedelta(minutes=5)),
        (2 * DAY, DAY, None, 2 * DAY),
    ],
)
def test_how_long_certificates_hold_is_within_bounds(
    usual: timedelta, most: timedelta | None, asked: timedelta | None, granted: timedelta
) -> None:
    assert Lifetimes.of_workloads(usual, most).granted(asked) == granted


def test_serials_are_never_the_same(tmp_path: Path, clock: Clock) -> None:
    csr, serials = request(), set()
    for _ in range(4):
        authority = started(tmp_path / "ca", clock)
        serials |= {authority.issue(csr, REVIEWS).certificate.serial_number for _ in range(BURST)}
    assert len(serials) == 4 * BURST


def test_a_root_is_replaced_by_age_and_every_certificate_stays_trusted(tmp_path: Path, clock: Clock) -> None:
    policy = Policy(lifetimes=Lifetimes(root=100 * DAY, issuing=30 * DAY), published=HOUR)
    authority = started(tmp_path / "ca", clock, policy)
    first, seen = authority.bundle[0], []
    held = authority.issue(request(), REVIEWS)
    for _ in range(24 * 90):
        clock.now += HOUR
        if clock.now >= held.certificate.not_valid_before_utc + 12 * HOUR:
            held = authority.issue(request(), REVIEWS)
        if authority.refresh():
            seen.append(([member.slot.value for member in authority.stored.slots.trusted], len(authority.bundle)))
        # what a workload holds is trusted by what everybody has
        assert held.chain[-1] in authority.bundle
        assert held.certificate.not_valid_after_utc > clock.now
    assert [slots for slots, _ in seen if len(slots) > 1] == [["active", "prepared"], ["active", "old"]]
    assert authority.bundle != (first,)
    assert seen[-1] == (["active"], 1)


def test_the_issuing_certificate_is_renewed_without_a_new_root(tmp_path: Path, clock: Clock) -> None:
    authority = started(tmp_path / "ca", clock)
    before, bundle = authority.active.issuing.certificate, authority.bundle
    clock.now += 59 * DAY
    assert not authority.refresh()
    clock.now += 2 * DAY
    assert authority.refresh()
    assert authority.active.issuing.certificate != before
    assert authority.bundle == bundle
    assert started(tmp_path / "ca", clock).active.issuing.certificate == authority.active.issuing.certificate


def test_steps_that_the_command_line_makes_are_taken_in(tmp_path: Path, clock: Clock) -> None:
    server, command = started(tmp_path / "ca", clock), started(tmp_path / "ca", clock)
    old = server.active.id
    command.prepare()
    assert server.refresh()
    assert len(server.bundle) == 2
    command.activate()
    assert server.refresh()
    assert server.active.id != old
    command.taint(old)
    assert server.refresh()
    assert [member.tainted for member in server.stored.slots.old] == [True]
    command.revoke(old)
    assert server.refresh()
    assert server.bundle == command.bundle == server.active.roots
    assert not server.refresh()
    with pytest.raises(RotationError):
        command.activate()


def test_a_token_of_a_revoked_authority_is_not_believed(tmp_path: Path, clock: Clock) -> None:
    authority = started(tmp_path / "ca", clock)
    old, token = authority.active.id, authority.sign_token(REVIEWS, ["bank"]).text
    authority.prepare()
    authority.activate()
    assert authority.verify_token(token, "bank") == REVIEWS
    authority.revoke(old)
    with pytest.raises(CertificateError, match="no trusted key"):
        authority.verify_token(token, "bank")


def test_a_full_disk_costs_no_certificate_and_a_step_is_made_when_there_is_room(tmp_path: Path, clock: Clock) -> None:
    disk = FullDisk(1_000_000)
    authority = CertificateAuthority(Keystore(tmp_path / "ca", disk), Policy(), clock)
    authority.start(TRUST_DOMAIN)
    before = authority.active.issuing.certificate
    disk.room, clock.now = 100, clock.now + 61 * DAY
    with pytest.raises(OSError, match="No space left on device"):
        authority.refresh()
    assert "No space left on device" in authority.trouble
    assert authority.active.issuing.certificate == before
    issued = {authority.issue(request(), REVIEWS).certificate.serial_number for _ in range(3)}
    assert len(issued) == 3
    disk.room = 1_000_000
    assert authority.refresh()
    assert authority.trouble == ""
    assert authority.active.issuing.certificate != before


def test_what_others_changed_is_in_force_although_the_bundle_cannot_be_written(tmp_path: Path, clock: Clock) -> None:
    disk, command = FullDisk(1_000_000), started(tmp_path / "ca", clock)
    server = CertificateAuthority(Keystore(tmp_path / "ca", disk), Policy(), clock)
    server.start(TRUST_DOMAIN)
    command.prepare()
    (tmp_path / "ca" / "root-cert.pem").write_bytes(b"")  # as if there had been no room for it any more
    disk.room = 0
    assert server.refresh()
    assert len(server.bundle) == 2
    assert "No space left on device" in server.trouble
    disk.room = 1_000_000
    assert not server.refresh()
    assert server.trouble == ""
    assert started(tmp_path / "ca", clock).bundle == server.bundle
    assert x509.load_pem_x509_certificates((tmp_path / "ca" / "root-cert.pem").read_bytes()) == list(server.bundle)


def test_a_folder_that_is_emptied_is_an_error_and_not_a_new_start(tmp_path: Path, clock: Clock) -> None:
    authority = started(tmp_path / "ca", clock)
    bundle = authority.bundle
    for path in sorted((tmp_path / "ca").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    with pytest.raises(KeystoreError, match="has been emptied"):
        authority.refresh()
    assert authority.bundle == bundle
    assert isinstance(authority.issue(request(), REVIEWS).certificate, x509.Certificate)
