"""What somebody else has made is checked before it is used, and takes the place of what was before in steps."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.ca.kit import NOW, REVIEWS, TRUST_DOMAIN, pem, request
from tests.ca.plugged import YEAR, Made, files, made, write
from tests.ca.test_service import HOUR, Clock
from xds.ca.encoding import key_pem
from xds.ca.errors import PluggedInError, RotationError
from xds.ca.keystore import Keystore
from xds.ca.plugged_in import MAX_FILE, plugged_in, read_folder
from xds.ca.service import CertificateAuthority, Policy
from xds.ca.svid import check_svid

ROOT = made("root")
BETWEEN = made("between", ROOT)
ISSUING = made("issuing", BETWEEN)
GOOD = files(ISSUING, BETWEEN, roots=(ROOT,))


def test_a_chain_is_put_in_order_and_ends_in_its_root() -> None:
    other = made("other root")
    shuffled = {**GOOD, "cert-chain.pem": pem(ROOT.certificate, BETWEEN.certificate, other.certificate)}
    found = plugged_in({**shuffled, "root-cert.pem": pem(other.certificate, ROOT.certificate)}, NOW)
    assert found.chain == (ISSUING.certificate, BETWEEN.certificate)
    assert found.roots == (ROOT.certificate, other.certificate)
    assert found.signer.certificate == ISSUING.certificate


def test_a_root_may_sign_itself() -> None:
    found = plugged_in(files(ROOT, roots=(ROOT,)), NOW)
    assert (found.roots, found.chain) == ((ROOT.certificate,), ())


def _with(issuing: Made, *between: Made, roots: tuple[Made, ...] = (ROOT,)) -> dict[str, bytes]:
    return files(issuing, *between, roots=roots)


WEAK = made("weak", ROOT, key=rsa.generate_private_key(65537, 1024))  # noqa: S505 - that it is refused is what is tested


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({**GOOD, "ca-key.pem": key_pem(BETWEEN.key)}, r"ca-key\.pem is not the key of ca-cert\.pem"),
        ({**GOOD, "ca-key.pem": b"nothing"}, r"ca-key\.pem has no usable private key"),
        ({**GOOD, "ca-cert.pem": pem(ISSUING.certificate, ROOT.certificate)}, "has 2 certificates"),
        ({**GOOD, "cert-chain.pem": b""}, r"cert-chain\.pem has no certificate"),
        (_with(ISSUING), r"cert-chain\.pem: it does not lead to a root: nothing .* has signed CN=issuing"),
        (_with(ISSUING, BETWEEN, roots=(made("root"),)), r"nothing .* has signed CN=between"),
        (_with(made("leaf", ROOT, authority=False)), r"ca-cert\.pem: CN=leaf is no authority"),
        (_with(made("x", made("short", ROOT, length=0)), made("short", ROOT, length=0)), "has signed CN=x"),
        (_with(made("over", ROOT, ends=NOW)), r"ca-cert\.pem: CN=over ended at 2026-03-01 12:00:00 UTC"),
        (_with(made("soon", ROOT, begins=NOW + HOUR)), r"ca-cert\.pem: CN=soon holds from 2026-03-01 13:00:00 UTC"),
        (_with(WEAK), r"ca-key\.pem has 1024 bits"),
        (_with(made("a", ROOT), roots=(ROOT, made("leaf", authority=False))), r"root-cert\.pem: CN=leaf is no auth"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_file(content: dict[str, bytes], reason: str) -> None:
    with pytest.raises(PluggedInError, match=reason):
        plugged_in(content, NOW)


def test_the_length_of_a_path_is_kept() -> None:
    short = made("short", ROOT, length=0)
    with pytest.raises(PluggedInError, match="CN=short allows 0 authorities below it, and has 1"):
        plugged_in(files(made("below", short), short, roots=(ROOT,)), NOW)
    assert plugged_in(files(short, roots=(ROOT,)), NOW).chain == (short.certificate,)


def test_a_key_that_others_can_read_is_refused_but_for_mounted_ones(tmp_path: Path) -> None:
    folder = write(tmp_path / "cacerts", GOOD)
    assert read_folder(folder, NOW).chain[0] == ISSUING.certificate
    (folder / "ca-key.pem").chmod(0o640)
    with pytest.raises(PluggedInError, match=f"chmod go-rwx {folder}/ca-key.pem"):
        read_folder(folder, NOW)
    (folder / "ca-key.pem").rename(folder / "data")
    (folder / "ca-key.pem").symlink_to("data")
    assert read_folder(folder, NOW).chain[0] == ISSUING.certificate


def test_files_that_are_missing_or_too_large(tmp_path: Path) -> None:
    folder = write(tmp_path / "cacerts", GOOD)
    (folder / "cert-chain.pem").write_bytes(b" " * (MAX_FILE + 1))
    with pytest.raises(PluggedInError, match=r"cert-chain\.pem has more than"):
        read_folder(folder, NOW)
    (folder / "cert-chain.pem").unlink()
    with pytest.raises(PluggedInError, match=r"cert-chain\.pem: No such file"):
        read_folder(folder, NOW)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def started(tmp_path: Path, clock: Clock) -> CertificateAuthority:
    read = partial(read_folder, tmp_path / "cacerts")
    authority = CertificateAuthority(Keystore(tmp_path / "ca"), Policy(published=HOUR), clock, read)
    authority.start(TRUST_DOMAIN)
    return authority


def slots(authority: CertificateAuthority) -> list[str]:
    return [member.slot.value for member in authority.stored.slots.trusted]


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)])
def test_it_signs_what_workloads_get(tmp_path: Path, clock: Clock, key: ec.EllipticCurvePrivateKey) -> None:
    issuing = made("issuing", BETWEEN, key=key)
    write(tmp_path / "cacerts", files(issuing, BETWEEN, roots=(ROOT, made("other"))))
    authority = started(tmp_path, clock)
    issued = authority.issue(request(), REVIEWS)
    assert check_svid(issued.certificate, issuing.certificate, NOW) == REVIEWS
    assert issued.chain[1:] == (issuing.certificate, BETWEEN.certificate, ROOT.certificate)
    assert not authority.refresh()
    again = Keystore(tmp_path / "ca").load()
    assert again is not None
    assert again.bundle == authority.bundle


def test_a_new_root_is_trusted_before_it_signs_and_the_old_one_as_long_as_it_may_be_in_use(
    tmp_path: Path, clock: Clock
) -> None:
    write(tmp_path / "cacerts", GOOD)
    authority = started(tmp_path, clock)
    before = authority.issue(request(), REVIEWS)
    new = made("new root")
    write(tmp_path / "cacerts", files(new, roots=(new,)))
    assert authority.refresh()
    assert (slots(authority), authority.bundle) == (["active", "prepared"], (ROOT.certificate, new.certificate))
    assert authority.issue(request(), REVIEWS).chain[-1] == ROOT.certificate
    clock.now += HOUR
    assert authority.refresh()
    assert (slots(authority), authority.issue(request(), REVIEWS).chain[-1]) == (["active", "old"], new.certificate)
    while clock.now < before.certificate.not_valid_after_utc:
        assert ROOT.certificate in authority.bundle
        clock.now += HOUR
        authority.refresh()
    clock.now += 2 * HOUR
    authority.refresh()
    assert authority.bundle == (new.certificate,)


def test_another_certificate_below_the_same_root_signs_at_once(tmp_path: Path, clock: Clock) -> None:
    write(tmp_path / "cacerts", GOOD)
    authority = started(tmp_path, clock)
    again = made("issuing", BETWEEN, key=ISSUING.key, ends=NOW + 2 * YEAR)  # of the same key, even
    write(tmp_path / "cacerts", files(again, BETWEEN, roots=(ROOT,)))
    assert authority.refresh()
    assert (slots(authority), authority.active.issuing.certificate) == (["active"], again.certificate)
    assert authority.bundle == (ROOT.certificate,)


def test_bad_files_leave_in_force_what_was_also_over_a_restart(tmp_path: Path, clock: Clock) -> None:
    write(tmp_path / "cacerts", GOOD)
    authority = started(tmp_path, clock)
    (tmp_path / "cacerts" / "ca-key.pem").write_bytes(key_pem(BETWEEN.key))
    for _ in range(2):
        assert not authority.refresh()
        assert authority.problem == f"{tmp_path}/cacerts/ca-key.pem is not the key of ca-cert.pem"
        assert authority.issue(request(), REVIEWS).chain[-1] == ROOT.certificate
        authority = started(tmp_path, clock)
    write(tmp_path / "cacerts", GOOD)
    authority.refresh()
    assert authority.problem == ""


def test_the_first_start_needs_good_files(tmp_path: Path, clock: Clock) -> None:
    write(tmp_path / "cacerts", {**GOOD, "ca-cert.pem": b""})
    with pytest.raises(PluggedInError, match=r"ca-cert\.pem has no certificate"):
        started(tmp_path, clock)


def test_a_change_of_mind_and_the_way_back(tmp_path: Path, clock: Clock) -> None:
    write(tmp_path / "cacerts", GOOD)
    authority = started(tmp_path, clock)
    for name in ("second", "third"):
        other = made(name)
        write(tmp_path / "cacerts", files(other, roots=(other,)))
        assert authority.refresh()
        assert authority.bundle == (ROOT.certificate, other.certificate)
    clock.now += HOUR
    authority.refresh()
    assert slots(authority) == ["active", "old"]
    write(tmp_path / "cacerts", GOOD)
    authority.refresh()
    assert slots(authority) == ["active", "prepared"]
    clock.now += HOUR
    authority.refresh()
    assert authority.active.roots == (ROOT.certificate,)


def test_an_authority_that_is_over_is_replaced_without_waiting(tmp_path: Path, clock: Clock) -> None:
    short = made("short", ROOT, ends=NOW + timedelta(minutes=10))
    write(tmp_path / "cacerts", files(short, roots=(ROOT,)))
    authority = started(tmp_path, clock)
    clock.now += timedelta(minutes=11)
    new = made("new root")
    write(tmp_path / "cacerts", files(new, roots=(new,)))
    assert authority.refresh()
    assert authority.issue(request(), REVIEWS).chain[-1] == new.certificate


def test_from_our_own_root_to_theirs_and_back(tmp_path: Path, clock: Clock) -> None:
    own = CertificateAuthority(Keystore(tmp_path / "ca"), Policy(published=HOUR), clock)
    own.start(TRUST_DOMAIN)
    write(tmp_path / "cacerts", GOOD)
    theirs = started(tmp_path, clock)
    assert theirs.active.id == own.active.id
    assert theirs.bundle == (*own.bundle, ROOT.certificate)
    clock.now += HOUR
    assert theirs.refresh()
    assert theirs.active.is_plugged_in
    with pytest.raises(RotationError, match="is plugged in: to replace it, put other files"):
        theirs.prepare()
    again = CertificateAuthority(Keystore(tmp_path / "ca"), Policy(published=HOUR), clock)
    again.start(TRUST_DOMAIN)
    again.refresh()
    clock.now += HOUR
    again.refresh()
    assert not again.active.is_plugged_in


def test_a_tainted_root_does_not_come_back(tmp_path: Path, clock: Clock) -> None:
    write(tmp_path / "cacerts", GOOD)
    authority = started(tmp_path, clock)
    tainted, new = authority.active.id, made("new root")
    write(tmp_path / "cacerts", files(new, roots=(new,)))
    authority.refresh()
    authority.activate()
    authority.taint(tainted)
    write(tmp_path / "cacerts", GOOD)
    assert not authority.refresh()
    assert "is tainted, and does not sign again" in authority.problem
