"""``pilothouse ca``: the certificate authority of a folder, beside a server or without one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from xds.app.cli.options import CaCerts, CaKeyType, KeyTypeOption
from xds.app.cli.proxy_table import age, plain
from xds.app.errors import StartError

if TYPE_CHECKING:
    from xds.ca.keystore import Stored
    from xds.ca.service import CertificateAuthority

T = TypeVar("T")

CaDir = Annotated[
    Path, typer.Option("--ca-dir", metavar="DIR", help="The folder of the authority.", file_okay=False, exists=True)
]
Id = Annotated[str, typer.Argument(metavar="ID", help="Of an old authority, as `ca status` shows it.")]

_HEADING: Final = ("ID", "SLOT", "SINCE", "ROOT ENDS IN", "ISSUER ENDS IN", "KEY", "NOTE")


class Output(StrEnum):
    """``-o``."""

    TABLE = "table"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(
        help="Look at the certificate authority, and replace its root step by step.", no_args_is_help=True
    )
    for command in (status, prepare, activate, taint, revoke):
        group.command(command.__name__)(command)
    app.add_typer(group, name="ca")


def status(
    ca_dir: CaDir,
    ca_certs: CaCerts = None,
    output: Annotated[Output, typer.Option("-o", "--output")] = Output.TABLE,
) -> None:
    """Show every authority, what it is for, and when its certificates end.

    With --ca-certs, what is there is checked as well; it is an error if it cannot be used.
    """
    from xds.ca.keystore import Keystore
    from xds.ca.plugged_in import read_folder

    stored = _try(lambda: Keystore(ca_dir).load())
    if stored is None:
        raise StartError(f"{ca_dir} has no authority yet: `pilothouse serve --ca-dir {ca_dir}` makes one")
    now = datetime.now(UTC)
    if output is Output.JSON:
        print(json.dumps({"trustDomain": stored.trust_domain, "authorities": list(_documents(stored))}, indent=2))
    else:
        print("\n".join(plain([_HEADING, *_rows(stored, now)])))
    if ca_certs is not None:
        _try(lambda: read_folder(ca_certs, now))


def prepare(ca_dir: CaDir, ca_key_type: CaKeyType = KeyTypeOption.EC_P256) -> None:
    """Make a new root, and put it into every bundle; it signs nothing yet."""
    _step(ca_dir, lambda authority: authority.prepare(), ca_key_type)


def activate(ca_dir: CaDir) -> None:
    """Let the prepared root sign from now on. Every proxy has to have the bundle by then."""
    _step(ca_dir, lambda authority: authority.activate())


def taint(id: Id, ca_dir: CaDir) -> None:  # noqa: A002 - the name of the thing
    """Mark an old root: nothing that it has signed is to be used any more. `ca status` shows the mark."""
    _step(ca_dir, lambda authority: authority.taint(id))


def revoke(id: Id, ca_dir: CaDir) -> None:  # noqa: A002 - the name of the thing
    """Take an old root out of every bundle: nobody trusts it any more."""
    _step(ca_dir, lambda authority: authority.revoke(id))


def _step(
    folder: Path, step: Callable[[CertificateAuthority], None], key_type: KeyTypeOption = KeyTypeOption.EC_P256
) -> None:
    from xds.ca.authority import KeyType
    from xds.ca.keystore import Keystore
    from xds.ca.service import CertificateAuthority, Policy

    store = Keystore(folder)
    found = _try(store.load)
    if found is None:
        raise StartError(f"{folder} has no authority yet: `pilothouse serve --ca-dir {folder}` makes one")
    authority = CertificateAuthority(store, Policy(KeyType(key_type.value)), lambda: datetime.now(UTC))
    _try(lambda: authority.start(found.trust_domain))
    _try(lambda: step(authority))
    print("\n".join(plain([_HEADING, *_rows(authority.stored, datetime.now(UTC))])))


def _try(action: Callable[[], T]) -> T:
    from xds.ca.errors import CertificateError

    try:
        return action()
    except (CertificateError, OSError) as error:
        raise StartError(str(error)) from error


def _rows(stored: Stored, now: datetime) -> Iterator[tuple[str, ...]]:
    from xds.app.authority_findings import authority_lives
    from xds.ca.authority import key_name

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
    from xds.ca.authority import key_name

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
