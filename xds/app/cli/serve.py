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
    secure_listen: options.SecureListen = "127.0.0.1:15012",
    ca_dir: options.CaFolder = None,
    ca_certs: options.CaCerts = None,
    ca_key_type: options.CaKeyType = options.KeyTypeOption.EC_P256,
    federate: options.Federate = None,
    workload_cert_ttl: options.WorkloadCertTtl = "24h",
    max_workload_cert_ttl: options.MaxWorkloadCertTtl = None,
    insecure_xds: options.InsecureXds = False,
    oidc_issuer: options.OidcIssuer = None,
    monitoring_listen: options.MonitoringListen = "127.0.0.1:15014",
    rest_listen: options.RestListen = None,
    translators: options.Translators = None,
    preflight: Annotated[
        bool, typer.Option("--preflight", help="Show every resource to an Envoy of this machine before serving it.")
    ] = False,
    max_connecting: options.MaxConnecting = 64,
    max_stream_age: options.MaxStreamAge = None,
    drain: options.Drain = "2s",
    workload_grace: options.WorkloadGrace = "10s",
    cache_dir: options.CacheFolder = None,
    jwks_refresh: options.JwksRefresh = "20m",
    log_level: Annotated[str, typer.Option("--log-level", help="debug, info, warning or error.")] = "info",
) -> None:
    """Watch a folder of Istio YAML and configure Envoys by it.

    Logs go to stderr, as JSON unless it is a terminal. SIGTERM drains and exits 0.
    """
    from xds.app import log
    from xds.app.federation import FederationOption
    from xds.app.loading import load_translators
    from xds.app.oidc import IssuerOption
    from xds.app.serve import serve as run
    from xds.app.serve_options import ServeOptions
    from xds.ca.authority import KeyType
    from xds.config.scalars import parse_duration

    if ca_dir is None and (ca_certs is not None or federate):
        hint = "--federate" if ca_certs is None else "--ca-certs"
        raise typer.BadParameter("--ca-dir is needed too: the folder that remembers", param_hint=hint)
    try:
        log.configure(log_level)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--log-level") from error
    chosen = ServeOptions(
        config=config,
        translators=load_translators(translators),
        mesh_config=mesh_config,
        xds_listen=xds_listen,
        secure_listen=secure_listen,
        ca_dir=ca_dir,
        ca_certs=ca_certs,
        ca_key_type=KeyType(ca_key_type.value),
        federate=tuple(map(FederationOption.parse, federate or ())),
        workload_cert_ttl=parse_duration(workload_cert_ttl),
        max_workload_cert_ttl=parse_duration(max_workload_cert_ttl) if max_workload_cert_ttl else None,
        insecure_xds=insecure_xds,
        oidc_issuers=tuple(map(IssuerOption.parse, oidc_issuer or ())),
        monitoring_listen=monitoring_listen,
        preflight=preflight,
        rest_listen=rest_listen,
        max_connecting=max_connecting,
        max_stream_age=parse_duration(max_stream_age).total_seconds() if max_stream_age else None,
        drain_seconds=parse_duration(drain).total_seconds(),
        workload_grace=parse_duration(workload_grace).total_seconds(),
        cache_dir=cache_dir,
        jwks_refresh=parse_duration(jwks_refresh).total_seconds(),
    )
    asyncio.run(run(chosen))
