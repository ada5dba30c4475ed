"""``pilothouse ca`` and ``pilothouse token`` as an operator uses them."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.ca.kit import REVIEWS, TRUST_DOMAIN, pem, request
from tests.ca.plugged import YEAR, files, made, write
from xds.app.cli import app
from xds.app.errors import StartError
from xds.ca.join_tokens import JoinTokens
from xds.ca.keystore import Keystore
from xds.ca.service import CertificateAuthority, Policy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    opened(tmp_path / "ca")
    return tmp_path / "ca"


def opened(folder: Path) -> CertificateAuthority:
    authority = CertificateAuthority(Keystore(folder), Policy(), lambda: datetime.now(UTC))
    authority.start(TRUST_DOMAIN)
    return authority


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    if isinstance(result.exception, StartError):
        raise result.exception
    return result


def slots(folder: Path) -> list[tuple[str, str, bool]]:
    shown = json.loads(run("ca", "status", "--ca-dir", folder, "-o", "json").stdout)
    assert shown["trustDomain"] == TRUST_DOMAIN
    return [(each["id"], each["slot"], each["tainted"]) for each in shown["authorities"]]


def test_a_root_is_replaced_step_by_step(folder: Path) -> None:
    ((old, _, _),) = slots(folder)
    run("ca", "prepare", "--ca-dir", folder)
    (_, (new, _, _)) = slots(folder)
    assert slots(folder) == [(old, "active", False), (new, "prepared", False)]
    run("ca", "activate", "--ca-dir", folder)
    run("ca", "taint", old, "--ca-dir", folder)
    assert slots(folder) == [(new, "active", False), (old, "old", True)]
    run("ca", "revoke", old, "--ca-dir", folder)
    assert slots(folder) == [(new, "active", False)]


def test_the_status_says_when_certificates_end(folder: Path) -> None:
    heading, row = run("ca", "status", "--ca-dir", folder).stdout.splitlines()
    assert heading.split("  ")[0] == "ID"
    assert "active" in row
    assert "3649d23h" in row
    assert "89d23h" in row


def test_roots_may_have_keys_of_another_kind(folder: Path) -> None:
    run("ca", "prepare", "--ca-dir", folder, "--ca-key-type", "rsa-2048")
    shown = json.loads(run("ca", "status", "--ca-dir", folder, "-o", "json").stdout)
    assert [each["key"] for each in shown["authorities"]] == ["EC secp256r1", "RSA 2048"]
    assert "RSA 2048" in run("ca", "status", "--ca-dir", folder).stdout


def test_the_status_tells_of_files_that_could_not_be_plugged_in(folder: Path, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    root = made("root", begins=now - YEAR, ends=now + YEAR)
    cacerts = write(tmp_path / "cacerts", files(root, roots=(root,)))
    run("ca", "status", "--ca-dir", folder, "--ca-certs", cacerts)
    (cacerts / "ca-key.pem").write_text("nothing")
    with pytest.raises(StartError, match=r"cacerts/ca-key\.pem has no usable private key"):
        run("ca", "status", "--ca-dir", folder, "--ca-certs", cacerts)


def test_a_certificate_is_revoked_by_its_number_or_by_itself(folder: Path, tmp_path: Path) -> None:
    issued = opened(folder).issue(request(), REVIEWS)
    (tmp_path / "chain.pem").write_bytes(pem(*issued.chain))
    run("ca", "revoke-certificate", "--ca-dir", folder, "--certificate", tmp_path / "chain.pem")
    shown = run("ca", "revoke-certificate", "--ca-dir", folder, "--serial", "0A:ff").stdout
    ends = issued.certificate.not_valid_after_utc
    assert f"revoked: {issued.certificate.serial_number:x}, until {ends:%F %T} UTC" in shown
    assert "revoked: aff, until " in shown
    found = json.loads(run("ca", "status", "--ca-dir", folder, "-o", "json").stdout)["revoked"]
    assert [each["serial"] for each in found] == [f"{issued.certificate.serial_number:x}", "aff"]
    with pytest.raises(StartError, match="aff is revoked already"):
        run("ca", "revoke-certificate", "--ca-dir", folder, "--serial", "aff")


@pytest.mark.parametrize("arguments", [(), ("--serial", "xyz"), ("--serial", "1", "--certificate", "chain.pem")])
def test_wrong_usage_of_revoke_certificate(folder: Path, arguments: tuple[str, ...]) -> None:
    assert run("ca", "revoke-certificate", "--ca-dir", folder, *arguments).exit_code == 2


def test_revoking_what_may_be_in_use_is_done_with_a_warning(folder: Path) -> None:
    ((old, _, _),) = slots(folder)
    run("ca", "prepare", "--ca-dir", folder)
    run("ca", "activate", "--ca-dir", folder)
    assert (
        f"warning: certificates that {old} has signed may hold until"
        in run("ca", "revoke", old, "--ca-dir", folder).stderr
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("activate",), "no authority is prepared"),
        (("taint", "nobody"), "only an old authority can be tainted"),
        (("revoke", "nobody"), "only an old authority can be revoked"),
    ],
)
def test_a_step_that_is_not_possible_is_one_line(folder: Path, arguments: tuple[str, ...], reason: str) -> None:
    with pytest.raises(StartError, match=reason):
        run("ca", *arguments, "--ca-dir", folder)


def test_a_folder_without_an_authority(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRWXU)
    for arguments in (("ca", "status"), ("ca", "prepare"), ("token", "create", "--spiffe-id", str(REVIEWS))):
        with pytest.raises(StartError, match="has no authority yet"):
            run(*arguments, "--ca-dir", tmp_path)


def test_a_folder_that_is_open_to_others(folder: Path) -> None:
    (folder / "state.json").chmod(0o644)
    with pytest.raises(StartError, match="chmod go-rwx"):
        run("ca", "status", "--ca-dir", folder)


def test_a_token_is_printed_and_holds_once(folder: Path) -> None:
    token = run("token", "create", "--ca-dir", folder, "--spiffe-id", REVIEWS_TEXT, "--ttl", "1m").stdout.strip()
    assert JoinTokens(folder).use(token, datetime.now(UTC)) == REVIEWS


@pytest.mark.parametrize(
    ("spiffe_id", "ttl"), [("reviews", "1m"), ("spiffe://cluster.local/ns/a/sa/b", "8d"), ("spiffe://a/b", "soon")]
)
def test_wrong_usage_of_token(folder: Path, spiffe_id: str, ttl: str) -> None:
    assert run("token", "create", "--ca-dir", folder, "--spiffe-id", spiffe_id, "--ttl", ttl).exit_code == 2


@pytest.mark.parametrize("spiffe_id", ["spiffe://elsewhere/ns/a/sa/b", "spiffe://cluster.local/reviews"])
def test_an_identity_that_gets_no_token(folder: Path, spiffe_id: str) -> None:
    with pytest.raises(StartError, match=r"another trust domain|is no workload"):
        run("token", "create", "--ca-dir", folder, "--spiffe-id", spiffe_id)


REVIEWS_TEXT = str(REVIEWS)
