"""Kills an authority at random moments of issuing and of replacing its root (SIGKILL), and looks at each next start.

A process of its own, which has one thread and forks: ``python -m tests.ca.killing FOLDER ROUNDS SEED``. Prints what it
saw as JSON; ends with an AssertionError if something is not as it has to be.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from tests.ca.kit import TRUST_DOMAIN, request
from xds.ca.encoding import certificates_pem, lists_pem
from xds.ca.errors import CertificateError
from xds.ca.keystore import Keystore
from xds.ca.service import CertificateAuthority, Policy
from xds.ca.svid import check_svid
from xds.model.identity import SpiffeId

LONGEST_SECONDS = 0.03
CSR = request()


def now() -> datetime:
    return datetime.now(UTC)


def started(folder: Path) -> CertificateAuthority:
    authority = CertificateAuthority(Keystore(folder / "ca"), Policy(), now)
    authority.start(TRUST_DOMAIN)
    return authority


def shape(authority: CertificateAuthority) -> object:
    """What a step changes."""
    slots = [[member.id, member.slot.value, member.tainted] for member in authority.stored.slots.members]
    return [slots, sorted(f"{each.serial:x}" for each in authority.stored.revocations.revoked)]


class Journal:
    """What the victim says that it has done, as far as it came: whoever reads it sees every whole line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_TRUNC)

    def write(self, event: str, value: object = None) -> None:
        os.write(self._descriptor, json.dumps([event, value]).encode() + b"\n")

    def read(self) -> list[tuple[str, object]]:
        """The kill may have come in the middle of the last line, which is not said then."""
        whole, _, _ = self._path.read_text().rpartition("\n")
        return [(event, value) for event, value in map(json.loads, whole.splitlines())]


def victim(folder: Path, journal: Journal, chance: random.Random) -> None:
    """Goes on until it is killed."""
    authority = started(folder)
    journal.write("stands", shape(authority))
    number = 0
    while True:
        number += 1
        identity = SpiffeId.of_workload(TRUST_DOMAIN, "default", f"w-{number % 50}")
        issued = authority.issue(CSR, identity)
        journal.write("issued", certificates_pem(issued.chain).decode())
        token = authority.join_tokens.create(identity, timedelta(minutes=1), now())
        authority.join_tokens.use(token, now())
        journal.write("used", token)
        journal.write("begins")
        _step(authority, chance)
        journal.write("stands", shape(authority))


def _step(authority: CertificateAuthority, chance: random.Random) -> None:
    """What is possible now."""
    slots = authority.stored.slots
    if slots.old and chance.random() < 0.5:
        authority.revoke(slots.old[0].id)
    elif slots.prepared is not None:
        authority.activate()
    elif chance.random() < 0.3:
        authority.revoke_certificate(x509.random_serial_number(), now() + timedelta(seconds=1))
    elif slots.old and not slots.old[0].tainted:
        authority.taint(slots.old[0].id)
    else:
        authority.prepare()
    authority.refresh()


def survivor(folder: Path, events: list[tuple[str, object]], serials: set[int]) -> str:
    """Starts after a kill, and looks at everything. Returns what the victim was at."""
    authority = started(folder)
    stored, ca = authority.stored, folder / "ca"
    assert (ca / "root-cert.pem").read_bytes() == certificates_pem(stored.bundle)
    shown = (ca / "ca-crl.pem").read_bytes() if (ca / "ca-crl.pem").exists() else b""
    assert shown == lists_pem(stored.lists)
    assert {path.name for path in (ca / "authorities").iterdir()} == {each.version for each in stored.living}
    assert authority.active.roots[0] in authority.bundle
    _check_issued(authority, events, serials)
    stands = [value for event, value in events if event == "stands"]
    doing = events[-1][0] if events else "starts"
    if doing != "begins" and stands:
        assert shape(authority) == stands[-1]  # what was done stays done
    for event, token in events:
        if event == "used":
            with pytest.raises(CertificateError, match="unknown, or was used before"):
                authority.join_tokens.use(str(token), now())
    identity = SpiffeId.of_workload(TRUST_DOMAIN, "default", "survivor")
    _unique(authority.issue(CSR, identity).certificate, serials)
    return doing


def _check_issued(authority: CertificateAuthority, events: list[tuple[str, object]], serials: set[int]) -> None:
    for event, value in events:
        if event == "issued":
            leaf, issuing, root = x509.load_pem_x509_certificates(str(value).encode())
            _unique(leaf, serials)
            check_svid(leaf, issuing, now())
            issuing.verify_directly_issued_by(root)
    last = [str(value) for event, value in events if event == "issued"][-1:]
    for chain in last:  # a step later its root may be old, and is still trusted
        assert x509.load_pem_x509_certificates(chain.encode())[-1] in authority.bundle


def _unique(leaf: x509.Certificate, serials: set[int]) -> None:
    assert leaf.serial_number not in serials
    serials.add(leaf.serial_number)


def rounds(folder: Path, count: int, chance: random.Random) -> Iterator[str]:
    """What the victim was at when it was killed, each time."""
    serials = set[int]()
    for number in range(count):
        journal, seed, delay = Journal(folder / "journal"), chance.random(), chance.random() * LONGEST_SECONDS
        child = os.fork()
        if child == 0:
            try:
                victim(folder, journal, random.Random(seed))
            finally:
                os._exit(1)
        while number % 4 and not journal.read():  # most have got through their start
            time.sleep(0.001)
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL, "the victim ended by itself"
        yield survivor(folder, journal.read(), serials)


def main() -> None:
    """Prints at what the victims were, how often."""
    folder, times, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    print(json.dumps(Counter(rounds(folder, times, random.Random(seed)))))


if __name__ == "__main__":
    main()
