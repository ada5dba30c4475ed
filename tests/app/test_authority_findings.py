"""What is said of the authority: by time, of every certificate that signs or will."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry

from tests.ca.kit import NOW, REVIEWS, TRUST_DOMAIN, request
from tests.ca.plugged import files, made, write
from tests.ca.test_keystore import FullDisk
from tests.ca.test_service import Clock
from xds.app.authority_findings import authority_findings
from xds.app.authority_metrics import AuthorityMetrics
from xds.ca.keystore import Keystore
from xds.ca.plugged_in import read_folder
from xds.ca.service import CertificateAuthority, Policy
from xds.model.identity import SpiffeId

DAY = timedelta(days=1)


def said(authority: CertificateAuthority, folder: Path, clock: Clock) -> list[tuple[str, str]]:
    found = authority_findings(authority, folder / "ca", folder / "cacerts", [REVIEWS], clock())
    return [(each.code, each.reason.partition(" at ")[0]) for each in found]


def test_an_authority_of_ours(tmp_path: Path) -> None:
    clock = Clock()
    authority = CertificateAuthority(Keystore(tmp_path / "ca"), Policy(), clock)
    authority.start(TRUST_DOMAIN)
    issuing = f"the issuing certificate of the authority {authority.active.id}"
    assert said(authority, tmp_path, clock) == []
    clock.now += 73 * DAY  # of 90
    assert said(authority, tmp_path, clock) == [("expiring-authority", f"{issuing} ends")]
    clock.now += 18 * DAY
    assert said(authority, tmp_path, clock) == [("expired-authority", f"{issuing} ended")]
    authority.refresh()
    assert said(authority, tmp_path, clock) == []
    clock.now = NOW + 3650 * DAY * 0.81
    authority.refresh()
    old = authority.active.id
    assert ("expiring-authority", f"the root certificate of the authority {old} ends") in said(
        authority, tmp_path, clock
    )
    clock.now += DAY
    authority.refresh()
    assert authority.active.id != old
    assert said(authority, tmp_path, clock) == []  # an old one ends as it should


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    clock, disk = Clock(), FullDisk(1_000_000)
    authority = CertificateAuthority(Keystore(tmp_path / "ca", disk), Policy(), clock)
    authority.start(TRUST_DOMAIN)
    disk.room, clock.now = 0, clock.now + 61 * DAY
    with suppress(OSError):
        authority.refresh()
    reason = "the folder of the authority cannot be brought up to date; it goes on issuing: "
    assert said(authority, tmp_path, clock) == [
        ("authority-folder", f"{reason}[Errno 28] No space left on device"),
    ]


def test_what_is_plugged_in_names_the_file(tmp_path: Path) -> None:
    root = made("root", begins=NOW, ends=NOW + 100 * DAY)
    write(tmp_path / "cacerts", files(root, roots=(root,)))
    clock = Clock()
    read = partial(read_folder, tmp_path / "cacerts")
    authority = CertificateAuthority(Keystore(tmp_path / "ca"), Policy(), clock, read)
    authority.start(TRUST_DOMAIN)
    (tmp_path / "cacerts" / "ca-cert.pem").write_text("nothing")
    clock.now += 81 * DAY
    authority.refresh()
    problem, *ends = authority_findings(authority, tmp_path / "ca", tmp_path / "cacerts", [], clock())
    assert (problem.code, problem.origin.file) == ("plugged-in-authority", f"{tmp_path}/cacerts")
    assert "what was before stays in force" in problem.reason
    assert f"{tmp_path}/cacerts/ca-cert.pem has no certificate in PEM" in problem.reason
    assert [each.code for each in ends] == ["expiring-authority"] * 2
    assert all(Path(each.origin.file).exists() for each in ends)
    assert all(each.reason.endswith("put new files in the place of its own") for each in ends)


def test_a_workload_that_is_connected_and_does_not_renew(tmp_path: Path) -> None:
    clock = Clock()
    authority = CertificateAuthority(Keystore(tmp_path / "ca"), Policy(), clock)
    authority.start(TRUST_DOMAIN)
    for identity in (REVIEWS, SpiffeId.of_workload(TRUST_DOMAIN, "default", "gone")):
        authority.issue(request(), identity)
    clock.now += timedelta(hours=19)
    assert said(authority, tmp_path, clock) == []
    clock.now += timedelta(hours=1)
    expected = [("expiring-workload-certificate", f"the newest certificate of {REVIEWS} ends")]
    assert said(authority, tmp_path, clock) == expected
    clock.now += timedelta(days=1)
    assert said(authority, tmp_path, clock) == expected
    authority.issue(request(), REVIEWS)
    assert said(authority, tmp_path, clock) == []


def test_metrics_have_istiods_names_and_ours(tmp_path: Path) -> None:
    registry, clock = CollectorRegistry(), Clock()
    authority = CertificateAuthority(Keystore(tmp_path / "ca"), Policy(), clock)
    authority.start(TRUST_DOMAIN)
    leaf = authority.issue(request(), REVIEWS).certificate
    authority.issue(request(), SpiffeId.of_workload(TRUST_DOMAIN, "default", "gone"))
    AuthorityMetrics(authority, lambda: [REVIEWS], registry)
    (active,) = authority.stored.slots.members
    root, issuing = authority.bundle[0], authority.active.issuing.certificate

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    assert value("citadel_server_root_cert_expiry_timestamp") == root.not_valid_after_utc.timestamp()
    assert value("citadel_server_cert_chain_expiry_timestamp") == issuing.not_valid_after_utc.timestamp()
    left = value("citadel_server_root_cert_expiry_seconds")
    assert left is not None
    assert abs(left - (root.not_valid_after_utc - datetime.now(UTC)).total_seconds()) < 60
    for part, certificate in (("root", root), ("issuing", issuing)):
        labels = {"authority": active.id, "slot": "active", "part": part}
        ends = value("pilothouse_authority_expiration_timestamp_seconds", **labels)
        assert ends == certificate.not_valid_after_utc.timestamp()
    name = "pilothouse_workload_certificate_expiration_timestamp_seconds"
    assert value(name, spiffe_id=str(REVIEWS)) == leaf.not_valid_after_utc.timestamp()
    (workloads,) = [family for family in registry.collect() if family.name == name]
    assert len(workloads.samples) == 1


def test_a_workload_that_is_connected_and_has_a_certificate_of_a_revoked_root(tmp_path: Path) -> None:
    clock = Clock()
    authority = CertificateAuthority(Keystore(tmp_path / "ca"), Policy(), clock)
    authority.start(TRUST_DOMAIN)
    authority.issue(request(), REVIEWS)
    old = authority.active.id
    authority.prepare()
    authority.activate()
    assert said(authority, tmp_path, clock) == []
    authority.revoke(old)
    reason = f"the newest certificate of {REVIEWS} is below {old}, which has been revoked: nobody accepts it"
    found = list(authority_findings(authority, tmp_path / "ca", None, [REVIEWS], clock()))
    assert [(each.code, each.reason.partition(";")[0]) for each in found] == [("revoked-authority", reason)]
    authority.issue(request(), REVIEWS)
    assert said(authority, tmp_path, clock) == []
