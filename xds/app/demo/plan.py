"""What the demo consists of: one control plane, an application and an Envoy for each workload, and an ingress gateway.

Imports the example's topology: import this module only when the checkout is importable (see `checkout`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from examples.bookinfo import topology
from examples.bookinfo.topology import Gateway, Workload
from xds.app.demo.members import Members
from xds.app.demo.ports import Listening
from xds.app.demo.processes import Command
from xds.app.proxy_spec import ProxySpec
from xds.model.proxy import CaptureMode, ProxyType

ADMIN_PORT = 15000


_AT_ONCE = ("--drain-strategy", "immediate", "--drain-time-s", "5", "--file-flush-interval-msec", "100")
"""Connections that are open when a policy changes are asked to go by the next answer, and logs are written soon."""


class Kind(StrEnum):
    """What a component is, in the words of the table."""

    CONTROL_PLANE = "control plane"
    SERVICE = "service"
    PROXY = "proxy"


@dataclass(frozen=True, slots=True)
class Component:
    """One process of the demo.

    ready_url: answers 200 once it is of use. addresses: all that it may listen on, now or after a change of
    configuration. prepare: writes the files that the command reads, if any.
    """

    kind: Kind
    command: Command
    ready_url: str
    addresses: tuple[Listening, ...]
    prepare: Callable[[], None] | None = None

    @property
    def name(self) -> str:
        """What it is to the demo's user. Unique."""
        return self.command.name


@dataclass(frozen=True, slots=True)
class Plan:
    """All that can be different between one running Bookinfo and another.

    checkout: the current folder of the processes. config: the folder that the control plane watches. steps: the folder
    of the steps that are copied into it. xds, monitoring, secure: where the control plane listens, ``HOST:PORT``; the
    last if there is an authority. ca_dir: the authority's folder; None: nobody has an identity. mesh_config: settings
    of the whole mesh. members: who has tokens, if anybody. logs: the folder of the processes' logs, if they are looked
    into.
    """

    envoy: Path
    checkout: Path = topology.REPOSITORY
    config: Path = topology.MESH_DIR
    steps: Path = topology.STEPS_DIR
    workloads: tuple[Workload, ...] = topology.WORKLOADS
    gateway: Gateway = topology.GATEWAY
    xds: str = "127.0.0.1:15010"
    monitoring: str = "127.0.0.1:15014"
    secure: str = "127.0.0.1:15012"
    ca_dir: Path | None = None
    mesh_config: Path = topology.MESH_CONFIG
    members: Members | None = None
    logs: Path | None = None

    @property
    def front_door(self) -> str:
        """The URL at which visitors come in: productpage's sidecar, or the gateway where only callers with an identity
        get that far."""
        if self.ca_dir is not None:
            return self.gateway.url
        return f"http://{self.workload('productpage-v1').ip}:{topology.SERVICE_PORT}"

    def workload(self, name: str) -> Workload:
        """The workload ``APP-VERSION``."""
        return next(workload for workload in self.workloads if workload.name == name)

    def components(self, run_dir: Path) -> tuple[Component, ...]:
        """What to start, the control plane first. run_dir: for the files that the processes are started with."""
        proxies = (*map(_sidecar, self.workloads), _gateway(self.gateway))
        return (
            self._control_plane(),
            *(self._service(workload) for workload in self.workloads),
            *(self._proxy(spec, ports, run_dir) for spec, ports in proxies),
        )

    def _control_plane(self) -> Component:
        name = Kind.CONTROL_PLANE.value
        arguments = ("--config", str(self.config), "--mesh-config", str(self.mesh_config))
        listen = ("--xds-listen", self.xds, "--monitoring-listen", self.monitoring)
        secure = ("--ca-dir", str(self.ca_dir), "--secure-listen", self.secure) if self.ca_dir is not None else ()
        argv = (sys.executable, "-m", "xds.app.cli", "serve", *arguments, *listen, *secure)
        addresses = (self.xds, self.monitoring, *((self.secure,) if self.ca_dir is not None else ()))
        return Component(
            Kind.CONTROL_PLANE,
            Command(name, argv, self.checkout),
            f"http://{self.monitoring}/ready",
            tuple(_listening(name, address) for address in addresses),
        )

    def _service(self, workload: Workload) -> Component:
        command = Command(workload.name, workload.command(sys.executable), self.checkout)
        address = Listening(command.name, topology.APP_HOST, workload.app_port)
        return Component(Kind.SERVICE, command, f"{workload.app_url}/health", (address,))

    def _proxy(self, spec: ProxySpec, ports: tuple[int, ...], run_dir: Path) -> Component:
        config = run_dir / f"{spec.name}.json"
        argv = (*envoy_argv(self.envoy, config), *_AT_ONCE)
        command = Command(f"envoy of {spec.name}", argv, run_dir)
        addresses = tuple(Listening(command.name, spec.ip, port) for port in (ADMIN_PORT, *ports))
        ready_url = f"http://{spec.ip}:{ADMIN_PORT}/ready"
        return Component(Kind.PROXY, command, ready_url, addresses, partial(_write_bootstrap, spec, self, config))


def _write_bootstrap(spec: ProxySpec, plan: Plan, config: Path) -> None:
    # Envoy's message classes take a second to import: not while nothing has been started yet.
    from xds.app.bootstrap import bootstrap
    from xds.app.demo.identities import proof_of

    tls = proof_of(spec, plan.ca_dir, config.parent) if plan.ca_dir is not None else None
    xds = plan.secure if tls is not None else plan.xds
    config.write_text(json.dumps(bootstrap(spec, xds, ADMIN_PORT, tls=tls)))


def envoy_argv(envoy: Path, config: Path) -> tuple[str, ...]:
    """Envoy with one worker. Hot restart is what would need shared memory and an id of its own on this machine."""
    return (str(envoy), "-c", str(config), "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning")


def _sidecar(workload: Workload) -> tuple[ProxySpec, tuple[int, ...]]:
    spec = ProxySpec(
        workload.name,
        workload.namespace,
        workload.ip,
        capture=CaptureMode.NONE,
        service_account=workload.service_account,
        labels=workload.labels,
    )
    return spec, (topology.SERVICE_PORT, topology.PROXY_HTTP_PORT)


def _gateway(gateway: Gateway) -> tuple[ProxySpec, tuple[int, ...]]:
    spec = ProxySpec(
        gateway.name,
        gateway.namespace,
        gateway.ip,
        type=ProxyType.ROUTER,
        capture=CaptureMode.NONE,
        service_account=gateway.service_account,
        labels=gateway.labels,
    )
    return spec, (gateway.port,)


def _listening(role: str, address: str) -> Listening:
    host, _, port = address.rpartition(":")
    return Listening(role, host, int(port))
