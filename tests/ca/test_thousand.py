"""A thousand certificates, of every kind of key on either side, judged by openssl and by the rules of SVIDs."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.ca.kit import TRUST_DOMAIN, pem, request
from tests.ca.plugged import YEAR, Made, made
from xds.ca.authority import Authority, Issued, KeyType, issue, new_authority, plugged_authority
from xds.ca.clock import Moment
from xds.ca.plugged_in import PluggedIn
from xds.ca.profile import Lifetimes, PrivateKey, Signer
from xds.model.identity import SpiffeId

COUNT = 1000
NOW = datetime.now(UTC)
KEYS: tuple[PrivateKey, ...] = (
    *(ec.generate_private_key(curve) for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1())),
    *(rsa.generate_private_key(65537, bits) for bits in (2048, 3072, 4096)),
)


@dataclass(frozen=True)
class Batch:
    """What one authority has issued."""

    authority: Authority
    issued: list[Issued]
    keys: list[PrivateKey]


def _ours(key_type: KeyType) -> Authority:
    return new_authority(TRUST_DOMAIN, key_type, Lifetimes(), now=NOW, serial=x509.random_serial_number)


def _theirs(key: PrivateKey) -> Authority:
    def one(name: str, above: Made | None, key: PrivateKey) -> Made:
        return made(name, above, key=key, begins=NOW - YEAR, ends=NOW + YEAR)

    root = one("root", None, KEYS[3])
    between = one("between", root, KEYS[1])
    issuing = one("issuing", between, key)
    parts = PluggedIn((root.certificate,), Signer(issuing.certificate, key), (issuing.certificate, between.certificate))
    return plugged_authority(TRUST_DOMAIN, parts, None)


@pytest.fixture(scope="module")
def batches() -> list[Batch]:
    """A thousand in all. Whom they are for, and how long they hold, is drawn with a seed."""
    chance = random.Random(1)
    authorities = [*map(_ours, KeyType), _theirs(KEYS[1]), _theirs(KEYS[3])]
    made = [Batch(authority, [], []) for authority in authorities]
    requests = [request(key=key) for key in KEYS]
    for number in range(COUNT):
        batch, which = made[number % len(made)], number % len(KEYS)
        identity = SpiffeId.of_workload(TRUST_DOMAIN, f"ns-{chance.randrange(10)}", f"Account_{number}.x")
        life = timedelta(seconds=chance.randrange(300, 86_400))
        batch.issued.append(
            issue(
                batch.authority, requests[which], identity, life, now=Moment.at(NOW), serial=x509.random_serial_number
            )
        )
        batch.keys.append(KEYS[which])
    return made


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command, to judge independently")
@pytest.mark.parametrize("purpose", ["sslclient", "sslserver"])
def test_openssl_verifies_each(batches: list[Batch], tmp_path: Path, purpose: str) -> None:
    verified = 0
    for number, batch in enumerate(batches):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "root").write_bytes(pem(batch.authority.roots[0]))
        (folder / "chain").write_bytes(pem(*batch.authority.chain))
        for index, issued in enumerate(batch.issued):
            (folder / f"{index}.pem").write_bytes(pem(issued.certificate))
        leaves = sorted(folder.glob("*.pem"))
        strict = [] if batch.authority.is_plugged_in else ["-x509_strict"]  # the others lack what that wants of them
        then = ["-attime", str(int(NOW.timestamp()) + 1)]  # some hold for five minutes only, and all tests take longer
        command = ["openssl", "verify", *strict, *then, "-purpose", purpose, "-CAfile", "root", "-untrusted", "chain"]
        done = subprocess.run([*command, *map(str, leaves)], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        verified += done.stdout.count(": OK")
    assert verified == COUNT


def _leaves(batches: list[Batch]) -> Iterator[tuple[Issued, PrivateKey]]:
    for batch in batches:
        yield from zip(batch.issued, batch.keys, strict=True)


def test_each_keeps_the_rules_of_svids(batches: list[Batch]) -> None:
    for issued, key in _leaves(batches):
        leaf = issued.certificate
        assert leaf.version is x509.Version.v3
        assert list(leaf.subject) == []
        assert leaf.public_key() == key.public_key()
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        assert names.critical
        assert [each.value for each in names.value] == [str(issued.identity)]
        assert SpiffeId.parse(str(issued.identity)).path.startswith("/ns/")
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage)
        assert usage.critical
        assert usage.value.digital_signature
        assert not usage.value.key_cert_sign
        assert not usage.value.crl_sign
        constraints = leaf.extensions.get_extension_for_class(x509.BasicConstraints)
        assert not constraints.value.ca
        extended = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert set(extended) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
        assert NOW < leaf.not_valid_after_utc <= NOW + timedelta(days=1)


def test_no_serial_is_used_twice_and_each_is_as_long_as_allowed(batches: list[Batch]) -> None:
    serials = [issued.certificate.serial_number for issued, _ in _leaves(batches)]
    assert len(set(serials)) == COUNT
    assert all(0 < serial < 1 << 159 for serial in serials)
    assert len({serial >> 100 for serial in serials}) == COUNT  # nothing of them can be guessed
