"""When credentials expire, and who can read their files: findings, the metric and the page."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from tests.certificates import LIFE, SINCE, Authority
from tests.config.folder import Folder
from tests.documents import secret
from xds.app.credentials_report import credentials_document
from xds.app.expiry import ExpiryMetric, credential_findings
from xds.config.configuration import Configuration
from xds.config.yaml import parse_documents
from xds.model.mesh import EMPTY_MESH, Mesh

ROOT = Authority("root")
DAYS = timedelta(days=1)
LEAF = ROOT.issue("leaf", life=100 * DAYS)
MESH = Folder().write(a=secret("leaf", LEAF)).mesh


def said(mesh: Mesh, after: timedelta) -> list[tuple[str, str]]:
    """Code and reason of what is found so long after everything began."""
    return [(each.code, each.reason) for each in credential_findings(mesh, (SINCE + after).timestamp())]


def test_a_certificate_that_is_fresh_is_not_spoken_of() -> None:
    assert said(MESH, timedelta()) == []
    assert said(MESH, 80 * DAYS - timedelta(seconds=1)) == []


def test_the_last_fifth_of_a_life_is_told_until_it_ends() -> None:
    what = "the certificate of CN=leaf"
    soon = ("expiring-credential", f"{what} expires on 2026-04-11 00:00 UTC: from then on clients refuse it")
    assert said(MESH, 80 * DAYS) == [soon]
    assert said(MESH, 100 * DAYS - timedelta(seconds=1)) == [soon]
    assert said(MESH, 100 * DAYS) == [
        ("expired-credential", f"{what} expired on 2026-04-11 00:00 UTC: clients refuse it")
    ]


def test_a_certificate_that_is_not_valid_yet_is_told() -> None:
    reason = "the certificate of CN=leaf is not valid before 2026-01-01 00:00 UTC: clients refuse it"
    assert said(MESH, -DAYS) == [("expired-credential", reason)]


def test_it_is_told_where_the_certificate_is_written() -> None:
    (found,) = credential_findings(MESH, (SINCE + 100 * DAYS).timestamp())
    assert str(found).startswith('warning  a.yaml:1  Secret/leaf.default  stringData["tls.crt"]: the certificate')


def test_of_a_chain_the_first_to_expire_counts() -> None:
    middle = Authority("middle", ROOT)
    chain = middle.issue("long", life=2 * LIFE)
    mesh = Folder().write(a=secret("long", chain)).mesh
    ((code, reason),) = said(mesh, LIFE)
    assert (code, reason.partition(" expired")[0]) == ("expired-credential", "the certificate of CN=middle")


def test_of_authorities_one_suffices_and_each_list_counts() -> None:
    old, new = Authority("old", life=10 * DAYS), Authority("new")
    both = Folder().write(a=secret("ca", authority=old.pem + new.pem)).mesh
    assert said(both, 20 * DAYS) == []
    assert [code for code, _ in said(Folder().write(a=secret("ca", authority=old)).mesh, 20 * DAYS)] == [
        "expired-credential"
    ]
    lists = ROOT.revoke(life=10 * DAYS)
    mesh = Folder().write(a=secret("ca", authority=ROOT, revoked=lists)).mesh
    what = "the list of what CN=root has revoked expired on 2026-01-11 00:00 UTC"
    assert said(mesh, 20 * DAYS) == [("expired-credential", f"{what}: no certificate that it issued is accepted")]


def test_the_metric_has_the_time_of_every_part() -> None:
    registry = CollectorRegistry()
    text = secret("leaf", LEAF, ROOT, revoked=ROOT.revoke(life=10 * DAYS))
    ExpiryMetric(lambda: Folder().write(a=text).mesh, registry)

    def value(part: str) -> float | None:
        labels = {"object": "Secret/leaf.default", "part": part}
        return registry.get_sample_value("pilothouse_credential_expiration_timestamp_seconds", labels)

    assert value("certificate") == (SINCE + 100 * DAYS).timestamp()
    assert value("authority") == (SINCE + LIFE).timestamp()
    assert value("revocations") == (SINCE + 10 * DAYS).timestamp()


def test_the_metric_has_those_that_expire_first_if_there_are_many() -> None:
    texts = {f"f{n}": secret(f"s{n}", ROOT.issue(f"s{n}", life=n * DAYS)) for n in range(1, 103)}
    registry = CollectorRegistry()
    mesh = Folder().write(**texts).mesh
    ExpiryMetric(lambda: mesh, registry)
    (metric,) = registry.collect()
    assert {sample.labels["object"] for sample in metric.samples} == {f"Secret/s{n}.default" for n in range(1, 101)}


def test_the_page_has_certificates_and_no_key() -> None:
    (found,) = json.loads(json.dumps(credentials_document(MESH, (SINCE + 90 * DAYS).timestamp())))
    assert found["object"] == "Secret/leaf.default"
    assert found["origin"] == "a.yaml:1"
    until = datetime.fromisoformat(found["expiry"][0]["expires"])
    assert (until, found["expiry"][0]["state"]) == (SINCE + 100 * DAYS, "expiring")
    assert found["certificates"][0]["subject"] == "CN=leaf"
    assert found["certificates"][0]["subjectAltNames"] == ["leaf"]
    assert "PRIVATE KEY" not in json.dumps(found)
    assert credentials_document(EMPTY_MESH, 0.0) == []


@pytest.mark.parametrize(("mode", "is_told"), [(0o600, False), (0o640, True), (0o604, True), (0o400, False)])
def test_a_file_that_others_can_read_is_told_with_what_to_do(tmp_path: Path, mode: int, is_told: bool) -> None:
    path = tmp_path / "my secret.yaml"
    text = secret("a", LEAF) + secret("b", ROOT.issue("b", life=100 * DAYS)) + secret("ca", authority=ROOT)
    path.write_text(text)
    path.chmod(mode)
    mesh = Configuration().apply({str(path): parse_documents(text, str(path))}).mesh
    reason = f"others can read the private keys in this file: chmod 600 '{path}'"
    assert said(mesh, timedelta()) == ([("readable-secret", reason)] if is_told else [])


def test_a_mounted_secret_is_not_spoken_of(tmp_path: Path) -> None:
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "..2026" / "tls.yaml").write_text("")
    link = tmp_path / "tls.yaml"
    link.symlink_to("..data/tls.yaml")
    text = secret("a", LEAF)
    mesh = Configuration().apply({str(link): parse_documents(text, str(link))}).mesh
    assert link.stat().st_mode & 0o044
    assert said(mesh, timedelta()) == []
