"""``pilothouse token``: join tokens, with which a workload proves itself once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from xds.app.cli import options
from xds.app.cli.ca import CaDir
from xds.app.errors import StartError
from xds.config.scalars import parse_duration


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="Make tokens with which workloads join the mesh.", no_args_is_help=True)
    group.command("create")(create)
    app.add_typer(group, name="token")


def create(
    ca_dir: CaDir,
    spiffe_id: Annotated[
        str, typer.Option("--spiffe-id", metavar="ID", help="spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT")
    ],
    ttl: Annotated[
        str,
        typer.Option(
            metavar="DURATION",
            help="How long it holds, unused.",
            callback=options.duration(timedelta(seconds=1), timedelta(days=7)),
        ),
    ] = "10m",
) -> None:
    """Print a token for one identity. Whoever has it gets a certificate of that identity, once.

    It is shown here and nowhere else: what is kept of it does not tell it.
    """
    from xds.ca.errors import CertificateError
    from xds.ca.join_tokens import JoinTokens
    from xds.ca.keystore import Keystore
    from xds.model.identity import SpiffeId

    try:
        identity = SpiffeId.parse(spiffe_id)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--spiffe-id") from error
    try:
        stored = Keystore(ca_dir).load()
        if stored is None:
            raise StartError(f"{ca_dir} has no authority yet: `pilothouse serve --ca-dir {ca_dir}` makes one")
        if identity.trust_domain != stored.trust_domain:
            raise StartError(f"{identity} is of another trust domain than the authority's, {stored.trust_domain}")
        print(JoinTokens(ca_dir).create(identity, parse_duration(ttl), datetime.now(UTC)))
    except (CertificateError, OSError) as error:
        raise StartError(str(error)) from error
