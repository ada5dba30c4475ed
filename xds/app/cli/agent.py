"""``pilothouse agent``."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import typer

from xds.app.cli import agent_options as own
from xds.app.cli import options
from xds.app.cli.options import CaptureOption, TypeOption, proxy_spec
from xds.app.errors import StartError


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("agent")(agent)


def agent(
    server: own.Server,
    root_cert: own.RootCert,
    name: options.Name,
    namespace: options.Namespace,
    service_account: options.ServiceAccount = "default",
    join_token: own.JoinToken = None,
    token: own.Token = None,
    ip: own.OwnIp = "",
    label: options.LabelList = [],  # noqa: B006 - typer copies it
    type_: own.EnvoyType = TypeOption.SIDECAR,
    capture: options.Capture = CaptureOption.REDIRECT,
    locality: options.Locality = "",
    self_discovery: options.SelfDiscovery = False,
    workload_group: options.WorkloadGroup = "",
    exec_probes: own.ExecProbes = False,
    state_dir: own.StateDir = None,
    run_dir: own.RunDir = None,
    envoy: own.EnvoyProgram = None,
    proxy_uid: own.ProxyUid = None,
    admin_port: own.AdminPort = None,
    drain_time: own.DrainTime = "5s",
    mesh_config: options.MeshConfig = None,
    config: own.BootstrapConfig = None,
    status_listen: own.StatusListen = "0.0.0.0:15020",
    prometheus_port: own.PrometheusPort = 0,
    prometheus_path: own.PrometheusPath = "/metrics",
    log_level: own.LogLevel = "info",
    envoy_args: own.EnvoyArgs = None,
) -> None:
    """Run Envoy beside a workload, with an identity: get a certificate and renew it, give it to Envoy and to the
    application (SPIFFE Workload API), keep Envoy running, drain it at the end, tell readiness and metrics.

    Logs go to stderr, as JSON unless it is a terminal. SIGTERM drains and exits 0; a second one does not wait. Exits 1
    if it cannot start, and as Envoy did if that ends again and again without ever serving.
    """
    from xds.agent.identity import TokenFile
    from xds.app.agent.options import AgentOptions
    from xds.app.agent.prepare import (
        become,
        default_folders,
        find_envoy,
        make_run_folder,
        own_address,
        user_of,
        write_bootstrap,
    )
    from xds.config.scalars import parse_duration

    _check(join_token, token, type_, prometheus_path, log_level)
    if not root_cert.is_file():
        raise StartError(f"--root-cert {root_cert} is not there: copy the control plane's root-cert.pem")
    spec = proxy_spec(
        name,
        namespace,
        ip or own_address(server),
        type_,
        capture,
        label,
        service_account,
        locality,
        self_discovery,
        workload_group,
    )
    spec = replace(spec, sds_from_agent=True, probed=bool(workload_group))
    found = default_folders(spec)
    given = TokenFile(join_token, single_use=True) if join_token is not None else None
    chosen = AgentOptions(
        spec=spec,
        server=server,
        root_cert=root_cert.absolute(),
        token=TokenFile(token, single_use=False) if token is not None else given,
        state_dir=(state_dir or found.state).absolute(),
        run_dir=(run_dir or found.run).absolute(),
        envoy=find_envoy(envoy),
        envoy_args=tuple(envoy_args or ()),
        user=user_of(proxy_uid),
        admin=f"127.0.0.1:{admin_port or 0}",
        status_listen=status_listen,
        drain_seconds=parse_duration(drain_time).total_seconds(),
        prometheus_port=prometheus_port,
        prometheus_path=prometheus_path,
        exec_probes=exec_probes,
        log_level=log_level,
    )
    make_run_folder(chosen.run_dir)
    become(write_bootstrap(chosen, mesh_config, config))


def _check(join_token: Path | None, token: Path | None, type_: TypeOption, path: str, log_level: str) -> None:
    """What cannot be said in one option's own terms."""
    if join_token is not None and token is not None:
        raise typer.BadParameter("one of --join-token and --token proves it, not both", param_hint="--token")
    if type_ is TypeOption.GRPC:
        raise typer.BadParameter("a gRPC client has no Envoy: see `pilothouse bootstrap`", param_hint="--type")
    if not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path:
        raise typer.BadParameter("has to be a path that begins with /", param_hint="--prometheus-path")
    if log_level.upper() not in logging.getLevelNamesMapping():
        raise typer.BadParameter("there are debug, info, warning, error", param_hint="--log-level")
