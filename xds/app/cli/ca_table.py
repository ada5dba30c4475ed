"""What ``pilothouse ca status`` shows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from xds.app.authority_findings import authority_lives
from xds.app.cli.proxy_table import age, plain
from xds.ca.authority import key_name
from xds.ca.stored import Stored

_HEADING: Final = ("ID", "SLOT", "SINCE", "ROOT ENDS IN", "ISSUER ENDS IN", "KEY", "NOTE")


def show(stored: Stored, now: datetime) -> None:
    """Prints a table of the authorities, and a line for each certificate that is revoked."""
    print("\n".join(plain([_HEADING, *_rows(stored, now)])))
    for each in stored.revocations.revoked:
        print(f"revoked: {each.serial:x}, until {each.until:%F %T} UTC")


def document(stored: Stored) -> dict[str, object]:
    """The same, for JSON."""
    revoked = [
        {"serial": f"{each.serial:x}", "at": each.at.isoformat(), "until": each.until.isoformat()}
        for each in stored.revocations.revoked
    ]
    return {"trustDomain": stored.trust_domain, "authorities": list(_documents(stored)), "revoked": revoked}


def _rows(stored: Stored, now: datetime) -> Iterator[tuple[str, ...]]:
    for member in stored.slots.trusted:
        authority = stored.authorities[member.id]
        lives = [life for life in authority_lives(stored) if life.member is member]
        notes = ["plugged in"] if authority.is_plugged_in else []
        notes += ["tainted"] if member.tainted else []
        notes += [f"{life.part} {'ended' if now >= life.ends else 'ends soon'}" for life in lives if life.is_late(now)]
        lefts = (age(max(0.0, (life.ends - now).total_seconds())) for life in lives)
        key = key_name(authority.issuing.key)
        yield member.id, member.slot.value, f"{member.since:%F %T}", *lefts, key, ", ".join(notes) or "-"


def _documents(stored: Stored) -> Iterator[dict[str, object]]:
    for member in stored.slots.trusted:
        authority = stored.authorities[member.id]
        yield {
            "id": member.id,
            "slot": member.slot.value,
            "since": member.since.isoformat(),
            "rootNotAfter": authority.roots[0].not_valid_after_utc.isoformat(),
            "issuerNotAfter": authority.issuing.certificate.not_valid_after_utc.isoformat(),
            "key": key_name(authority.issuing.key),
            "pluggedIn": authority.is_plugged_in,
            "tainted": member.tainted,
        }
