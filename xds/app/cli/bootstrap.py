"""``pilothouse bootstrap``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xds.app.cli import options
from xds.app.cli.options import CaptureOption, TypeOption, proxy_spec

if TYPE_CHECKING:
    from xds.app.bootstrap_tls import XdsTls
    from xds.pipeline.envoyfilter.outcome import Refusal


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("bootstrap")(bootstrap)


def bootstrap(
    name: options.Name,
    namespace: options.Namespace,
    ip: options.Ip,
    service_account: options.ServiceAccount = "",
    label: options.LabelList = [],  # noqa: B006 - typer copies it
    type_: options.Type = TypeOption.SIDECAR,
    capture: options.Capture = CaptureOption.REDIRECT,
    locality: options.Locality = "",
    self_discovery: options.SelfDiscovery = False,
    workload_group: options.WorkloadGroup = "",
    xds: options.XdsAddress = "127.0.0.1:15010",
    root_cert: Annotated[
        str, typer.Option(help="TLS to the control plane: what its certificate is checked against, PEM.")
    ] = "",
    client_cert: Annotated[str, typer.Option(help="The proxy's own certificate, with its chain, PEM.")] = "",
    client_key: Annotated[str, typer.Option(help="The key of the proxy's own certificate, PEM.")] = "",
    mesh_config: options.MeshConfig = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="Folder whose ProxyConfigs and EnvoyFilters count.", show_default=False),
    ] = None,
    admin_port: Annotated[
        int | None,
        typer.Option(
            "--admin-port",
            min=0,
            max=65535,
            help="Envoy's admin port, on loopback; 0: any free one. Default: the mesh's, or 15000.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Print the bootstrap of an Envoy or of a gRPC client: who it is, and where its control plane is."""
    from xds.app.bootstrap import DEFAULT_ADMIN_PORT
    from xds.app.bootstrap import bootstrap as make_bootstrap
    from xds.app.grpc_bootstrap import grpc_bootstrap
    from xds.app.loading import load_settings
    from xds.app.offline import Offline, defaults_of
    from xds.app.patch_findings import refusal_finding

    tls = _tls(root_cert, client_cert, client_key, type_)
    spec = proxy_spec(
        name, namespace, ip, type_, capture, label, service_account, locality, self_discovery, workload_group
    )
    offline = Offline(load_settings(mesh_config), ())
    if config is not None:
        for diagnostic in offline.read([config]):
            print(diagnostic, file=sys.stderr)
    if spec.proxyless:
        document = grpc_bootstrap(spec, xds)
    else:
        defaults = defaults_of(spec, offline.store.mesh)
        port = (defaults.admin_port or DEFAULT_ADMIN_PORT) if admin_port is None else admin_port
        refused: list[Refusal] = []
        patches = offline.bootstrap_patches(spec)
        document = make_bootstrap(spec, xds, port, defaults, patches, refused.append, tls)
        for refusal in refused:
            print(refusal_finding(refusal), file=sys.stderr)
    print(json.dumps(document, indent=2))


def _tls(root_cert: str, client_cert: str, client_key: str, type_: TypeOption) -> XdsTls | None:
    """What the three options say together."""
    from xds.app.bootstrap_tls import XdsTls

    given = [bool(root_cert), bool(client_cert), bool(client_key)]
    if not any(given):
        return None
    if type_ is TypeOption.GRPC or not all(given):
        names = "--root-cert, --client-cert and --client-key"
        raise typer.BadParameter("go together, and are for Envoys", param_hint=names)
    return XdsTls(root_cert, client_cert, client_key)
