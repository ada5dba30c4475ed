"""A mesh whose sidecars capture: the control plane on the bridge, and a workload in each namespace."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import AF_INET, AF_INET6
from textwrap import dedent

import aiohttp

from e2e.capture.caller import Caller
from e2e.capture.namespaces import GATEWAY, Namespace, ipv6_of, network
from e2e.capture.redirection import CAPTURE, as_proxy
from e2e.capture.topology import NAMES, RESOLVED_BY_PROXIES, WORKLOADS
from e2e.capture.witness import Witness
from e2e.explained import Explained
from examples.bookinfo.topology import REPOSITORY
from xds.app.bootstrap import bootstrap
from xds.app.demo.bring_up import await_ready
from xds.app.demo.plan import ADMIN_PORT, envoy_argv
from xds.app.demo.processes import Child, Command, Processes
from xds.app.loading import load_settings
from xds.app.offline import Offline, defaults_of
from xds.app.proxy_spec import ProxySpec
from xds.model.mesh import Mesh

CONFIG = Path(__file__).parent / "config"
MESH_CONFIG = Path(__file__).parent / "mesh-config.yaml"
PROXY_HTTP_PORT = 15080
LOG_FLUSH_SECONDS = 0.1
XDS = f"{GATEWAY}:15010"
MONITORING = f"{GATEWAY}:15014"


@dataclass(frozen=True)
class CaptureMesh:
    """The running mesh, from the applications' side."""

    callers: Mapping[str, Caller]
    config: Path
    processes: Processes
    explained: Explained

    @property
    def client(self) -> Caller:
        """The application that everything is seen from."""
        return self.callers["client"]

    @property
    def strict(self) -> Caller:
        """An application whose sidecar knows REGISTRY_ONLY."""
        return self.callers["strict"]

    def write(self, name: str, text: str) -> None:
        """Writes a file of the configuration."""
        part = self.config / f".{name}"
        part.write_text(dedent(text))
        part.rename(self.config / name)
        self.explained.record()

    async def logs(self, workload: str, *words: str) -> int:
        """How many lines of a sidecar's access log have all these words, once it has any; 0 after five seconds."""
        end = time.monotonic() + 5
        while time.monotonic() < end:
            await asyncio.sleep(2 * LOG_FLUSH_SECONDS)
            if found := self.logged(workload, *words):
                return found
        return 0

    def logged(self, workload: str, *words: str) -> int:
        """How many lines of a sidecar's access log have all these words by now."""
        (child,) = (child for child in self.processes.children if child.command.name == f"envoy of {workload}")
        return sum(all(word in line for word in words) for line in child.log.read_text().splitlines())

    async def admin(self, workload: str, path: str) -> str:
        """What a sidecar's admin interface answers."""
        return (await self.callers[workload].get(f"http://localhost:{ADMIN_PORT}{path}")).body


@asynccontextmanager
async def capture_mesh(folder: Path, envoy: Path) -> AsyncIterator[CaptureMesh]:
    """Makes the namespaces, starts everything in them, and waits until the sidecars have their configuration."""
    config = folder / "config"
    shutil.copytree(CONFIG, config)
    async with AsyncExitStack() as stack:
        members = stack.enter_context(network({name: workload.ip for name, workload in WORKLOADS.items()}))
        processes = await stack.enter_async_context(Processes(folder))
        callers = {name: Caller(namespace, NAMES) for name, namespace in members.items()}
        for caller in callers.values():
            stack.push_async_callback(caller.close)
        for name, workload in WORKLOADS.items():
            for port, server in workload.ports.items():
                for family in (AF_INET, AF_INET6):
                    await stack.enter_async_context(server(name, members[name].listen(port, family)))
        offline = Offline(load_settings(MESH_CONFIG), ())
        offline.read([config])
        starter = _Starter(folder, envoy, processes, offline.store.mesh)
        await starter.control_plane(members["hub"], config)
        async with asyncio.TaskGroup() as group:
            for name, workload in WORKLOADS.items():
                if workload.labels is not None:
                    group.create_task(starter.sidecar(name, workload.labels, members[name]))
        explained = Explained(config, MESH_CONFIG, {**RESOLVED_BY_PROXIES, **_BY_IPV6})
        for name, workload in WORKLOADS.items():
            if workload.labels is not None:
                callers[name].witness = Witness(explained, sidecar_spec(name, workload.labels, workload.ip))
        yield CaptureMesh(callers, config, processes, explained)


_BY_IPV6 = {f"[{ipv6_of(workload.ip)}]": workload.ip for workload in WORKLOADS.values()}
"""Workloads are known by their addresses of IPv4."""


def sidecar_spec(name: str, labels: Mapping[str, str], ip: str) -> ProxySpec:
    """The sidecar of a workload."""
    return ProxySpec(name, "default", ip, labels=labels, more_ips=(ipv6_of(ip),))


class _Starter:
    def __init__(self, folder: Path, envoy: Path, processes: Processes, mesh: Mesh) -> None:
        self._mesh = mesh
        self._folder = folder
        self._envoy = envoy
        self._processes = processes

    async def control_plane(self, hub: Namespace, config: Path) -> None:
        serve = (sys.executable, "-m", "xds.app.cli", "serve")
        files = ("--config", str(config), "--mesh-config", str(MESH_CONFIG))
        listen = ("--insecure-xds", "--xds-listen", XDS, "--monitoring-listen", MONITORING)
        child = await self._start("control plane", hub.command(*serve, *files, *listen), REPOSITORY)
        await _await_ready(hub, f"http://{MONITORING}/ready", child)

    async def sidecar(self, name: str, labels: Mapping[str, str], namespace: Namespace) -> None:
        """Captures what the workload sends and receives, and starts the Envoy that it leads to."""
        namespace.run(*CAPTURE)
        namespace.name_hosts(RESOLVED_BY_PROXIES)
        spec = sidecar_spec(name, labels, namespace.ip)
        path = self._folder / f"{name}.json"
        path.write_text(json.dumps(bootstrap(spec, XDS, ADMIN_PORT, defaults_of(spec, self._mesh))))
        envoy = (*envoy_argv(self._envoy, path), "--file-flush-interval-msec", f"{LOG_FLUSH_SECONDS * 1000:.0f}")
        argv = namespace.command(*as_proxy(*envoy))
        child = await self._start(f"envoy of {name}", argv, self._folder)
        await _await_ready(namespace, f"http://127.0.0.1:{ADMIN_PORT}/ready", child)

    async def _start(self, name: str, argv: tuple[str, ...], folder: Path) -> Child:
        return await self._processes.start(Command(name, argv, folder, {"PYTHONPATH": os.fspath(REPOSITORY)}))


async def _await_ready(namespace: Namespace, url: str, child: Child) -> None:
    connector = aiohttp.TCPConnector(socket_factory=lambda _: namespace.open_socket())
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=2)) as session:
        await await_ready(session, url, child)
