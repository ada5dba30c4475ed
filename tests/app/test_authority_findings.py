"""What is said of the authority: by time, of every certificate that signs or will."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

from tests.ca.kit import NOW, TRUST_DOMAIN
from tests.ca.plugged import files, made, write
from tests.ca.test_service import Clock
from xds.app.authority_findings import authority_findings
from xds.ca.keystore import Keystore
from xds.ca.plugged_in import read_folder
from xds.ca.service import CertificateAuthority, Policy

DAY = timedelta(days=1)


def said(authority: CertificateAuthority, folder: Path, clock: Clock) -> list[tuple[str, str]]:
    found = authority_findings(authority, folder / "ca", folder / "cacerts", clock())
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
    problem, *ends = authority_findings(authority, tmp_path / "ca", tmp_path / "cacerts", clock())
    assert (problem.code, problem.origin.file) == ("plugged-in-authority", f"{tmp_path}/cacerts")
    assert "what was before stays in force" in problem.reason
    assert f"{tmp_path}/cacerts/ca-cert.pem has no certificate in PEM" in problem.reason
    assert [each.code for each in ends] == ["expiring-authority"] * 2
    assert all(Path(each.origin.file).exists() for each in ends)
    assert all(each.reason.endswith("put new files in the place of its own") for each in ends)
