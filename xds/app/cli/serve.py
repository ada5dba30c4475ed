"""``pilothouse serve``."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from xds.app.cli import options


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("serve")(serve)


def serve(
    config: options.Config,
    mesh_config: options.MeshConfig = None,
    xds_listen: options.XdsListen = "127.0.0.1:15010",
    monitoring_listen: options.MonitoringListen = "127.0.0.1:15014",
    rest_listen: options.RestListen = None,
    translators: options.Translators = None,
    preflight: Annotated[
        bool, typer.Option("--preflight", help="Show every resource to an Envoy of this machine before serving it.")
    ] = False,
    log_level: Annotated[str, typer.Option("--log-level", help="debug, info, warning or error.")] = "info",
) -> None:
    """Watch a folder of Istio YAML and configure Envoys by it.

    Logs go to stderr, as JSON unless it is a terminal. SIGTERM drains and exits 0.
    """
    from xds.app import log
    from xds.app.loading import load_translators
    from xds.app.serve import ServeOptions
    from xds.app.serve import serve as run

    try:
        log.configure(log_level)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--log-level") from error
    chosen = load_translators(translators)
    asyncio.run(run(ServeOptions(config, chosen, mesh_config, xds_listen, monitoring_listen, preflight, rest_listen)))
