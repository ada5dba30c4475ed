"""``pilothouse explain``."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from xds.app.cli import options
from xds.app.cli.options import CaptureOption, parse_label
from xds.app.errors import StartError
from xds.model.proxy import CaptureMode, ProxyType

if TYPE_CHECKING:
    from xds.app.explain.proxies import Named
    from xds.app.explain.sender import Sender
    from xds.app.explain.target import Asked


class Output(StrEnum):
    """``-o``."""

    TEXT = "text"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("explain")(explain)


def explain(
    words: Annotated[list[str], typer.Argument(metavar="[METHOD] URL", help="http://, https:// or tcp://HOST:PORT.")],
    config: options.Config,
    mesh_config: options.MeshConfig = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="NAME.NAMESPACE", help="The workload that asks.")
    ] = None,
    gateway: Annotated[
        str | None, typer.Option("--gateway", metavar="NAME.NAMESPACE", help="The gateway that is asked.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="NAME.NAMESPACE", help="The workload that is asked past all proxies.")
    ] = None,
    header: Annotated[
        list[str], typer.Option("-H", "--header", metavar="'NAME: VALUE'", help="A header; may be repeated.")
    ] = [],  # noqa: B006 - typer copies it
    label: options.LabelList = [],  # noqa: B006 - typer copies it
    capture: options.Capture = CaptureOption.REDIRECT,
    ip: Annotated[
        str,
        typer.Option("--ip", metavar="IP[,IP]", help="The proxy's addresses, if the configuration has not all."),
    ] = "",
    address: Annotated[str, typer.Option("--address", help="Where the URL's host leads, if not by the mesh.")] = "",
    inbound: Annotated[bool, typer.Option("--inbound", help="Also tell what the sidecars of endpoints do.")] = False,
    mtls: Annotated[
        bool,
        typer.Option("--mtls", help="Proxies have proven their identities (serve --ca-dir); tells the other end too."),
    ] = False,
    principal: Annotated[
        str,
        typer.Option(
            "--principal",
            metavar="ID",
            help="Who asks: a SPIFFE ID or TRUST_DOMAIN/NAMESPACE/ACCOUNT; the workload itself unless given.",
        ),
    ] = "",
    claims: Annotated[
        str, typer.Option("--claims", metavar="JSON|@FILE", help="What the client's token holds, which is valid.")
    ] = "",
    source_ip: Annotated[str, typer.Option("--source-ip", metavar="IP", help="The client's address.")] = "",
    translators: options.Translators = None,
    output: Annotated[Output, typer.Option("-o", "--output")] = Output.TEXT,
) -> None:
    """Tell what a request would meet, from the resources of a proxy alone, and where each step is written.

    Findings go to stderr.
    """
    from xds.app.explain.command import explained
    from xds.app.explain.sender import Sender
    from xds.app.explain.text import text
    from xds.app.loading import load_settings, load_translators
    from xds.app.offline import Offline

    named = _named(_only(from_, gateway, to), label, capture, ip)
    named = replace(named, type=_type(gateway), mtls=mtls, asked=to is not None)
    asked = _asked(words, header, address, Sender(principal, source_ip, claims))
    offline = Offline(load_settings(mesh_config), load_translators(translators))
    for diagnostic in offline.read([config]):
        print(diagnostic, file=sys.stderr)
    steps = explained(offline.store, named, asked, inbound=inbound)
    print(json.dumps(steps, indent=2) if output is Output.JSON else "\n".join(text(steps)))


def _only(*names: str | None) -> str:
    given = [name for name in names if name is not None]
    if len(given) != 1:
        raise typer.BadParameter("one of --from, --gateway and --to is needed", param_hint="--from")
    return given[0]


def _type(gateway: str | None) -> ProxyType:
    return ProxyType.SIDECAR if gateway is None else ProxyType.ROUTER


def _named(text: str, labels: list[str], capture: CaptureOption, ip: str) -> Named:
    from xds.app.explain.proxies import Named

    name, dot, namespace = text.rpartition(".")
    if not dot or not name or not namespace:
        raise typer.BadParameter(f"{text} is not NAME.NAMESPACE", param_hint="--from, --gateway, --to")
    return Named(
        name,
        namespace,
        capture=CaptureMode.NONE if capture is CaptureOption.NONE else CaptureMode.REDIRECT,
        labels=dict(map(parse_label, labels)) if labels else None,
        ip=ip,
    )


def _asked(words: list[str], headers: list[str], address: str, sender: Sender) -> Asked:
    from xds.app.explain.target import Asked

    if len(words) > 2:
        raise typer.BadParameter("expected [METHOD] URL", param_hint="URL")
    method = words[0] if len(words) == 2 else "GET"
    return Asked(method, words[-1], tuple(map(_header, headers)), address, sender)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise StartError(f"-H {text!r} is not 'NAME: VALUE'")
    return name.strip(), value.strip()
