"""What is to be said of the certificate authority: what is plugged in and cannot be used, and what ends soon."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final

from cryptography import x509

from xds.ca.issued import LAST_PART, Newest
from xds.ca.keystore import AUTHORITIES, Stored
from xds.ca.service import CertificateAuthority
from xds.ca.slots import Member, Slot
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.identity import SpiffeId
from xds.model.objects import Origin

MAX_WORKLOADS: Final = 100
"""How many findings there are of workloads: of those whose certificates end first."""

_AUTOMATIC: Final = "it is replaced by itself as long as the server runs"
_BY_HAND: Final = "put new files in the place of its own"


@dataclass(frozen=True, slots=True)
class AuthorityLife:
    """How long a certificate of an authority holds. part: ``root`` or ``issuing``. file: where it is, below the
    folder."""

    member: Member
    part: str
    certificate: x509.Certificate
    file: str
    is_plugged_in: bool

    @property
    def ends(self) -> datetime:
        """When it holds no more."""
        return self.certificate.not_valid_after_utc

    def is_late(self, now: datetime) -> bool:
        """Whether it is in the last fifth of its life."""
        life = self.ends - self.certificate.not_valid_before_utc
        return now >= self.ends - life * LAST_PART


def authority_lives(stored: Stored) -> Iterator[AuthorityLife]:
    """Of the root and the issuing certificate of every authority, the active one's first."""
    for member in stored.slots.trusted:
        authority = stored.authorities[member.id]
        folder = f"{AUTHORITIES}/{authority.version}"
        parts = (
            ("root", authority.roots[0], "root-cert.pem"),
            ("issuing", authority.issuing.certificate, "ca-cert.pem"),
        )
        for part, certificate, file in parts:
            yield AuthorityLife(member, part, certificate, f"{folder}/{file}", authority.is_plugged_in)


def authority_findings(
    authority: CertificateAuthority,
    folder: Path,
    plugged: Path | None,
    connected: Iterable[SpiffeId],
    now: datetime,
) -> Iterator[Diagnostic]:
    """folder: of the authority. plugged: of what somebody else has made. connected: whose streams are open. An old
    authority ends as it should."""
    if authority.trouble:
        reason = f"the folder of the authority cannot be brought up to date; it goes on issuing: {authority.trouble}"
        yield Diagnostic(Severity.ERROR, Origin(str(folder), 1), reason, code="authority-folder")
    if plugged is not None and authority.problem:
        reason = f"what is plugged in cannot be used, and what was before stays in force: {authority.problem}"
        yield Diagnostic(Severity.ERROR, Origin(str(plugged), 1), reason, code="plugged-in-authority")
    for life in authority_lives(authority.stored):
        if life.member.slot is not Slot.OLD and life.is_late(now):
            yield _finding(life, folder, now)
    of_workloads = (
        _of_workload(newest, authority.stored, folder, now) for newest in authority.issued.of_all(connected)
    )
    yield from islice((each for each in of_workloads if each is not None), MAX_WORKLOADS)


def _of_workload(newest: Newest, stored: Stored, folder: Path, now: datetime) -> Diagnostic | None:
    origin = Origin(str(folder), 1)
    if newest.authority not in stored.authorities:
        reason = (
            f"the newest certificate of {newest.identity} is below {newest.authority}, which has been revoked: nobody "
            "accepts it; let its agent renew it"
        )
        return Diagnostic(Severity.WARNING, origin, reason, code="revoked-authority")
    if newest.state(now) == "valid":
        return None
    reason = (
        f"the newest certificate of {newest.identity} ends at {newest.ends:%F %T} UTC: it should have been renewed at "
        "half of its life; see the log of its agent"
    )
    return Diagnostic(Severity.WARNING, origin, reason, code="expiring-workload-certificate")


def _finding(life: AuthorityLife, folder: Path, now: datetime) -> Diagnostic:
    what, origin = f"the {life.part} certificate of the authority {life.member.id}", Origin(str(folder / life.file), 1)
    advice = _BY_HAND if life.is_plugged_in else _AUTOMATIC
    if now >= life.ends:
        reason = f"{what} ended at {life.ends:%F %T} UTC: nothing below it is accepted any more; {advice}"
        return Diagnostic(Severity.ERROR, origin, reason, code="expired-authority")
    reason = f"{what} ends at {life.ends:%F %T} UTC: nothing below it is accepted from then on; {advice}"
    return Diagnostic(Severity.WARNING, origin, reason, code="expiring-authority")
