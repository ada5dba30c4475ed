"""Options of ``pilothouse capture apply``: one for each of Istio's annotations, and those of where Envoy is."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer


class Versions(StrEnum):
    """``--ip``: which versions of the Internet Protocol."""

    AUTO = "auto"
    IPV4 = "4"
    IPV6 = "6"
    BOTH = "both"


class Backend(StrEnum):
    """``--backend``."""

    AUTO = "auto"
    NFT = "nft"
    LEGACY = "legacy"


def _annotations(values: list[str] | None) -> list[str] | None:
    from xds.agent.capture import CaptureSettings, parse_annotation, wanted

    try:
        wanted(CaptureSettings(), map(parse_annotation, values or ()))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return values


def _named(name: str) -> Callable[[str | None], str | None]:
    def check(value: str | None) -> str | None:
        if value is not None:
            _annotations([f"{name}={value}"])
        return value

    return check


def _annotation(name: str, metavar: str, help_: str) -> object:
    return typer.Option(metavar=metavar, help=help_, callback=_named(name), show_default=False)


IncludeInboundPorts = Annotated[
    str | None, _annotation("includeInboundPorts", "PORTS", "Captured when they arrive; all unless given.")
]
ExcludeInboundPorts = Annotated[str | None, _annotation("excludeInboundPorts", "PORTS", "Left alone when they arrive.")]
IncludeOutboundPorts = Annotated[
    str | None, _annotation("includeOutboundPorts", "PORTS", "Captured wherever they lead, beside the ranges.")
]
ExcludeOutboundPorts = Annotated[
    str | None, _annotation("excludeOutboundPorts", "PORTS", "Left alone when they leave.")
]
IncludeOutboundIpRanges = Annotated[
    str | None, _annotation("includeOutboundIPRanges", "CIDRS", "Captured when it leaves for them; all unless given.")
]
ExcludeOutboundIpRanges = Annotated[
    str | None, _annotation("excludeOutboundIPRanges", "CIDRS", "Left alone when it leaves for them.")
]
ExcludeInterfaces = Annotated[
    str | None, _annotation("excludeInterfaces", "NAMES", "Network interfaces whose traffic is left alone.")
]
Annotations = Annotated[
    list[str] | None,
    typer.Option(
        "--annotation",
        metavar="NAME=VALUE",
        help="The same as an annotation of Istio, traffic.sidecar.istio.io/...; may be repeated, counts less.",
        callback=_annotations,
    ),
]
ProxyUid = Annotated[
    list[int] | None,
    typer.Option(metavar="UID", min=0, help="Whose traffic is the proxy's own; may be repeated; 1337 unless given."),
]
ProxyGid = Annotated[
    list[int] | None,
    typer.Option(metavar="GID", min=0, help="The same by group; may be repeated; 1337 unless given."),
]
InboundPort = Annotated[int, typer.Option(min=1, max=65535, help="Where Envoy takes what arrives.")]
OutboundPort = Annotated[int, typer.Option(min=1, max=65535, help="Where Envoy takes what leaves.")]
Ip = Annotated[
    Versions, typer.Option("--ip", help="Versions of the Internet Protocol; auto: 4, and 6 if there is any address.")
]
BackendOption = Annotated[Backend, typer.Option("--backend", help="Of iptables; auto: what this machine has chosen.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what iptables-restore would be given, and do nothing.")]
