"""``pilothouse render``."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
import yaml

from xds.app.cli import options
from xds.app.cli.options import CaptureOption, TypeOption, proxy_spec
from xds.app.proxy_spec import ProxySpec

if TYPE_CHECKING:
    from xds.app.offline import Offline


class Output(StrEnum):
    """``-o``."""

    JSON = "json"
    YAML = "yaml"
    ENVOY = "envoy"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("render")(render)


def render(
    config: options.Config,
    name: options.Name,
    namespace: options.Namespace,
    ip: options.Ip,
    mesh_config: options.MeshConfig = None,
    service_account: options.ServiceAccount = "",
    label: options.LabelList = [],  # noqa: B006 - typer copies it
    type_: options.Type = TypeOption.SIDECAR,
    capture: options.Capture = CaptureOption.REDIRECT,
    locality: options.Locality = "",
    self_discovery: options.SelfDiscovery = False,
    mtls: options.MutualTls = False,
    translators: options.Translators = None,
    output: Annotated[
        Output, typer.Option("-o", "--output", help="'envoy' is a complete static Envoy configuration.")
    ] = Output.YAML,
    show_secrets: Annotated[
        bool,
        typer.Option(
            "--show-secrets",
            help="With -o envoy: put private keys into it, without which what needs them fails. Mind who reads it.",
        ),
    ] = False,
) -> None:
    """Print the resources that a proxy would receive, without a server. Findings go to stderr.

    Private keys and passwords are not shown: [redacted] stands in their place.
    """
    from xds.app.loading import load_settings, load_translators
    from xds.app.offline import Offline

    if output is Output.ENVOY and type_ is TypeOption.GRPC:
        raise typer.BadParameter("a gRPC client cannot be an Envoy configuration", param_hint="--output")
    if output is Output.ENVOY and mtls:
        raise typer.BadParameter("identities have no place in a static configuration", param_hint="--mtls")
    if show_secrets and output is not Output.ENVOY:
        raise typer.BadParameter("keys are of use in an Envoy configuration only", param_hint="--show-secrets")
    spec = proxy_spec(name, namespace, ip, type_, capture, label, service_account, locality, self_discovery, mtls=mtls)
    offline = Offline(load_settings(mesh_config), load_translators(translators))
    offline.read([config])
    document = _document(offline, spec, output, show_secrets=show_secrets)
    for diagnostic in offline.findings:
        print(diagnostic, file=sys.stderr)
    print(document)


def _document(offline: Offline, spec: ProxySpec, output: Output, *, show_secrets: bool) -> str:
    from xds.app.render import static_config

    rendered = offline.render(spec, show_secrets=show_secrets)
    match output:
        case Output.JSON:
            return json.dumps(rendered, indent=2)
        case Output.YAML:
            return yaml.safe_dump(rendered, sort_keys=False, width=120).rstrip("\n")
        case Output.ENVOY:
            return json.dumps(static_config(rendered, with_secrets=show_secrets), indent=2)
