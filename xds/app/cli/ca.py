"""``pilothouse ca``: the certificate authority of a folder, beside a server or without one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from xds.app.cli.options import CaCerts, CaKeyType, KeyTypeOption
from xds.app.errors import StartError

if TYPE_CHECKING:
    from xds.ca.service import CertificateAuthority

T = TypeVar("T")

CaDir = Annotated[
    Path, typer.Option("--ca-dir", metavar="DIR", help="The folder of the authority.", file_okay=False, exists=True)
]
Id = Annotated[str, typer.Argument(metavar="ID", help="Of an old authority, as `ca status` shows it.")]


class Output(StrEnum):
    """``-o``."""

    TABLE = "table"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(
        help="Look at the certificate authority, and replace its root step by step.", no_args_is_help=True
    )
    for command in (status, prepare, activate, taint, revoke, revoke_certificate):
        group.command(command.__name__.replace("_", "-"))(command)
    app.add_typer(group, name="ca")


def status(
    ca_dir: CaDir,
    ca_certs: CaCerts = None,
    output: Annotated[Output, typer.Option("-o", "--output")] = Output.TABLE,
) -> None:
    """Show every authority, what it is for, and when its certificates end.

    With --ca-certs, what is there is checked as well; it is an error if it cannot be used.
    """
    from xds.app.cli.ca_table import document, show
    from xds.ca.keystore import Keystore
    from xds.ca.plugged_in import read_folder

    stored = _try(lambda: Keystore(ca_dir).load())
    if stored is None:
        raise StartError(f"{ca_dir} has no authority yet: `pilothouse serve --ca-dir {ca_dir}` makes one")
    now = datetime.now(UTC)
    if output is Output.JSON:
        print(json.dumps(document(stored), indent=2))
    else:
        show(stored, now)
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

    def step(authority: CertificateAuthority) -> None:
        unsafe_until = authority.in_use_until(id)
        authority.revoke(id)
        if unsafe_until is not None:
            print(
                f"warning: certificates that {id} has signed may hold until {unsafe_until:%F %T} UTC; workloads that "
                "have not renewed them by now are refused",
                file=sys.stderr,
            )

    _step(ca_dir, step)


def revoke_certificate(
    ca_dir: CaDir,
    serial: Annotated[
        str | None, typer.Option(metavar="HEX", help="Its serial number, as the log shows it.", show_default=False)
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Or the certificate itself, PEM; of a chain, the first.")
    ] = None,
) -> None:
    """Revoke one certificate: every proxy and the control plane refuse it from then on, until it ends."""
    if (serial is None) == (certificate is None):
        raise typer.BadParameter("say which: --serial HEX or --certificate FILE")
    number, ends = _read_certificate(certificate) if certificate is not None else _parsed_serial(serial or "")
    _step(ca_dir, lambda authority: authority.revoke_certificate(number, ends))


def _parsed_serial(text: str) -> tuple[int, datetime | None]:
    try:
        return int(text.replace(":", ""), 16), None
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no hexadecimal number", param_hint="--serial") from error


def _read_certificate(file: Path) -> tuple[int, datetime]:
    from xds.ca.encoding import read_certificates

    leaf = _try(lambda: read_certificates(file.read_bytes(), str(file)))[0]
    return leaf.serial_number, leaf.not_valid_after_utc


def _step(
    folder: Path, step: Callable[[CertificateAuthority], None], key_type: KeyTypeOption = KeyTypeOption.EC_P256
) -> None:
    from xds.app.cli.ca_table import show
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
    show(authority.stored, datetime.now(UTC))


def _try(action: Callable[[], T]) -> T:
    from xds.ca.errors import CertificateError

    try:
        return action()
    except (CertificateError, OSError) as error:
        raise StartError(str(error)) from error
