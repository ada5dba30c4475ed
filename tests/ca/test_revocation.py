"""What is revoked is in the list of everybody who may have signed it, whatever happens to the authorities meanwhile."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from tests.ca.kit import NOW, REVIEWS, TRUST_DOMAIN, pem, request
from tests.ca.plugged import Made, files, made, write
from tests.ca.test_service import DAY, HOUR, Clock, started
from xds.ca.authority import Issued
from xds.ca.encoding import lists_pem, read_lists
from xds.ca.errors import CertificateError, PluggedInError, RotationError
from xds.ca.keystore import Keystore
from xds.ca.plugged_in import plugged_in, read_folder
from xds.ca.revocation import is_signed_by
from xds.ca.service import CertificateAuthority, Policy


@pytest.fixture
def clock() -> Clock:
    return Clock()


def is_revoked(authority: CertificateAuthority, issued: Issued) -> bool:
    """By the only list of who has signed it."""
    above = issued.chain[1]
    (own,) = [each for each in authority.stored.lists if is_signed_by(each, above)]
    listed = own.get_revoked_certificate_by_serial_number(issued.certificate.serial_number) is not None
    assert authority.is_revoked(issued.certificate.public_bytes(Encoding.DER)) is listed
    return listed


def number(authority: CertificateAuthority) -> int:
    assert authority.stored.is_listed_whole
    (found,) = {
        each.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number for each in authority.stored.lists
    }
    return found


def test_nothing_is_listed_until_something_is_revoked(tmp_path: Path, clock: Clock) -> None:
    authority = started(tmp_path / "ca", clock)
    good, bad = authority.issue(request(), REVIEWS), authority.issue(request(), REVIEWS)
    assert authority.stored.lists == ()
    assert not (tmp_path / "ca" / "ca-crl.pem").exists()
    authority.revoke_certificate(bad.certificate.serial_number)
    assert (is_revoked(authority, good), is_revoked(authority, bad)) == (False, True)
    with pytest.raises(RotationError, match="is revoked already"):
        authority.revoke_certificate(bad.certificate.serial_number)


def test_a_list_says_what_rfc_5280_wants(tmp_path: Path, clock: Clock) -> None:
    authority = started(tmp_path / "ca", clock)
    authority.revoke_certificate(4711)
    of_root, found = authority.stored.lists
    assert of_root.issuer == authority.bundle[0].subject
    issuing = authority.active.issuing.certificate
    assert (found.issuer, found.next_update_utc) == (issuing.subject, issuing.not_valid_after_utc)
    assert found.last_update_utc <= NOW
    own = issuing.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    identifier = found.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert identifier.key_identifier == own
    assert [(each.serial_number, each.revocation_date_utc) for each in found] == [(4711, NOW)]


def test_it_is_there_after_a_restart_and_for_everybody_to_read(tmp_path: Path, clock: Clock) -> None:
    authority = started(tmp_path / "ca", clock)
    authority.revoke_certificate(4711)
    again = started(tmp_path / "ca", clock)
    assert lists_pem(again.stored.lists) == lists_pem(authority.stored.lists)
    shown = tmp_path / "ca" / "ca-crl.pem"
    assert read_lists(shown.read_bytes(), "it") == authority.stored.lists
    assert shown.stat().st_mode & 0o777 == 0o644
    shown.unlink()
    started(tmp_path / "ca", clock)
    assert shown.exists()


def test_another_process_takes_it_in(tmp_path: Path, clock: Clock) -> None:
    server, command = started(tmp_path / "ca", clock), started(tmp_path / "ca", clock)
    issued = server.issue(request(), REVIEWS)
    command.revoke_certificate(issued.certificate.serial_number)
    assert server.refresh()
    assert is_revoked(server, issued)
    assert not server.refresh()


def test_every_authority_has_a_list_while_a_root_is_replaced(tmp_path: Path, clock: Clock) -> None:
    authority = started(tmp_path / "ca", clock)
    bad = authority.issue(request(), REVIEWS)
    authority.revoke_certificate(bad.certificate.serial_number)
    before = number(authority)
    authority.prepare()
    assert number(authority) > before
    assert len(authority.stored.lists) == 4
    authority.activate()
    issued = authority.issue(request(), REVIEWS)
    assert (is_revoked(authority, bad), is_revoked(authority, issued)) == (True, False)
    authority.revoke_certificate(issued.certificate.serial_number)
    assert (is_revoked(authority, bad), is_revoked(authority, issued)) == (True, True)
    old = authority.stored.slots.old[0].id
    authority.revoke(old)
    assert (len(authority.stored.lists), is_revoked(authority, issued)) == (2, True)


def test_who_signs_no_more_has_a_list_as_long_as_something_of_it_may_hold(tmp_path: Path, clock: Clock) -> None:
    authority = started(tmp_path / "ca", clock)
    clock.now += 60 * DAY - HOUR
    bad, good = authority.issue(request(), REVIEWS), authority.issue(request(), REVIEWS)
    clock.now += 2 * HOUR
    authority.refresh()
    assert authority.active.issuing.certificate != bad.chain[1]
    # after its issuer has been replaced
    authority.revoke_certificate(bad.certificate.serial_number, bad.certificate.not_valid_after_utc)
    again = started(tmp_path / "ca", clock)
    for each in (authority, again):
        assert (is_revoked(each, bad), is_revoked(each, good)) == (True, False)
        assert len(each.stored.lists) == 3
    clock.now = max(bad.certificate.not_valid_after_utc, clock.now + DAY)
    assert again.refresh()
    assert again.stored.lists == ()  # whatever was revoked has ended by itself
    assert again.stored.retired == ()
    assert [path.name for path in (tmp_path / "ca" / "authorities").iterdir()] == [again.active.version]
    assert list((tmp_path / "ca" / "lists").iterdir()) == []


def test_numbers_of_lists_never_fall(tmp_path: Path, clock: Clock) -> None:
    authority, seen = started(tmp_path / "ca", clock), []
    for serial in range(1, 4):
        authority.revoke_certificate(serial, clock() + HOUR)
        seen.append(number(authority))
        clock.now += 2 * HOUR
        authority.refresh()
        assert authority.stored.lists == ()
    assert seen == sorted(set(seen))


# Lists of who has made the authority


def signed_list(by: Made, *serials: int, ends: timedelta = DAY) -> bytes:
    builder = x509.CertificateRevocationListBuilder().issuer_name(by.certificate.subject)
    builder = builder.last_update(NOW - DAY).next_update(NOW + ends)
    for serial in serials:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW - DAY).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(by.key, hashes.SHA256()).public_bytes(Encoding.PEM)


ROOT = made("root")
ISSUING = made("issuing", ROOT)
GOOD = files(ISSUING, roots=(ROOT,))


def plugged(tmp_path: Path, clock: Clock, *lists: bytes) -> CertificateAuthority:
    folder = write(tmp_path / "cacerts", {**GOOD, **({"ca-crl.pem": b"".join(lists)} if lists else {})})
    authority = CertificateAuthority(Keystore(tmp_path / "ca"), Policy(), clock, partial(read_folder, folder))
    authority.start(TRUST_DOMAIN)
    return authority


def test_what_somebody_else_has_revoked_is_revoked(tmp_path: Path, clock: Clock) -> None:
    authority = plugged(tmp_path, clock)
    bad, good = authority.issue(request(), REVIEWS), authority.issue(request(), REVIEWS)
    (tmp_path / "cacerts" / "ca-crl.pem").write_bytes(
        signed_list(ROOT, 1) + signed_list(ISSUING, bad.certificate.serial_number)
    )
    assert authority.refresh()
    assert (is_revoked(authority, bad), is_revoked(authority, good)) == (True, False)
    assert authority.stored.is_listed_whole
    authority.revoke_certificate(good.certificate.serial_number)
    assert (is_revoked(authority, bad), is_revoked(authority, good)) == (True, True)
    (tmp_path / "cacerts" / "ca-crl.pem").unlink()
    authority = plugged(tmp_path, clock)
    assert (is_revoked(authority, bad), is_revoked(authority, good)) == (False, True)
    assert not authority.stored.is_listed_whole


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            signed_list(made("stranger")),
            r"ca-crl\.pem: none of the authorities here has signed the list of CN=stranger",
        ),
        (signed_list(made("root")), r"ca-crl\.pem: none of the authorities here has signed the list of CN=root"),
        (signed_list(ROOT, ISSUING.certificate.serial_number), r"ca-crl\.pem: CN=issuing is revoked itself"),
        (signed_list(ROOT, ends=timedelta()), r"ca-crl\.pem: the list of CN=root ended at 2026-03-01"),
        (pem(ROOT.certificate), r"ca-crl\.pem has no list"),
        (b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "cannot be read"),
    ],
)
def test_lists_that_cannot_be_used(content: bytes, reason: str) -> None:
    with pytest.raises(PluggedInError, match=reason):
        plugged_in({**GOOD, "ca-crl.pem": content}, NOW)


def test_who_may_not_sign_lists_is_asked_for_none(tmp_path: Path, clock: Clock) -> None:
    write(tmp_path / "cacerts", files(made("issuing", ROOT, lists=False), roots=(ROOT,)))
    authority = CertificateAuthority(
        Keystore(tmp_path / "ca"), Policy(), clock, partial(read_folder, tmp_path / "cacerts")
    )
    authority.start(TRUST_DOMAIN)
    with pytest.raises(CertificateError, match="may not sign lists of revoked certificates"):
        authority.revoke_certificate(4711)
    assert authority.stored.lists == ()


def test_a_number_alone_is_remembered_for_as_long_as_anything_may_hold(tmp_path: Path, clock: Clock) -> None:
    authority = started(tmp_path / "ca", clock)
    authority.revoke_certificate(4711)
    ends = authority.active.issuing.certificate.not_valid_after_utc
    assert [each.until for each in authority.stored.revocations.revoked] == [ends]
