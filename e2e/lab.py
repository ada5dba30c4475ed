"""A mesh for one test: a configuration folder, a control plane, echo servers, and Envoys that ask for configuration."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

import aiohttp

from e2e.addresses import Addresses
from e2e.echo import echo_server
from e2e.program import HERE, Program
from e2e.witness import Witness
from examples.bookinfo.topology import MESH_CONFIG, PROXY_HTTP_PORT
from xds.app.bootstrap import bootstrap
from xds.app.demo.bring_up import await_ready
from xds.app.demo.plan import ADMIN_PORT, envoy_argv
from xds.app.demo.processes import Child, Command, Processes
from xds.app.demo.shop import Answer, fetch, new_session
from xds.app.explain.target import Asked
from xds.app.proxy_spec import ProxySpec
from xds.model.proxy import CaptureMode, ProxyType

SERVICE_PORT = 9080


@dataclass
class Lab:
    """What a test needs to run a mesh. All of it ends with ``stack``.

    api_type: how sidecars ask for their configuration: ``DELTA_GRPC``, or ``GRPC`` for state of the world.
    witness: compares what clients are answered with what is explained; None if nobody does.
    """

    folder: Path
    envoy: Path
    addresses: Addresses
    stack: AsyncExitStack
    processes: Processes
    session: aiohttp.ClientSession
    control_plane: str = ""
    api_type: str = "DELTA_GRPC"
    echoes: dict[str, str] = field(default_factory=dict)
    witness: Witness | None = None

    @property
    def config(self) -> Path:
        """The folder that the control plane watches."""
        path = self.folder / "config"
        path.mkdir(exist_ok=True)
        return path

    async def echo(self, instance: str) -> str:
        """Starts an echo server on port 9080 of an address of its own, which is returned."""
        address = self.addresses.new()
        await self.stack.enter_async_context(echo_server(instance, address, SERVICE_PORT))
        self.echoes[instance] = address
        return address

    async def serve(
        self,
        *options: str,
        config: Path | None = None,
        address: str = "",
        mesh_config: Path = MESH_CONFIG,
        program: Program = HERE,
    ) -> Child:
        """Starts the control plane, as a user does, on an address of its own, and waits until it is ready."""
        at = self.control_plane = address or self.addresses.new()
        arguments = (
            *("serve", "--config", str(config or self.config), "--mesh-config", str(mesh_config)),
            *("--xds-listen", f"{at}:15010", "--monitoring-listen", f"{at}:15014"),
            *("--cache-dir", str(self.folder / "cache")),
            *options,
        )
        child = await self.processes.start(program.command("control plane", *arguments))
        await await_ready(self.session, f"http://{at}:15014/ready", child)
        return child

    async def sidecar(
        self,
        name: str,
        labels: Mapping[str, str] | None = None,
        locality: str = "",
        ip: str = "",
        self_discovery: bool = False,
        workload_group: str = "",
    ) -> Sidecar:
        """Starts an Envoy that gets its configuration from the control plane, and waits until it has it.

        ip: its address, by default a new one.
        """
        spec = ProxySpec(
            name,
            "default",
            ip or self.addresses.new(),
            capture=CaptureMode.NONE,
            labels=labels or {},
            locality=locality,
            self_discovery=self_discovery,
            workload_group=workload_group,
        )
        return await self._proxy(spec)

    async def gateway(self, name: str, labels: Mapping[str, str], ip: str = "") -> Sidecar:
        """Starts an Envoy that is a gateway of this name in the same way."""
        address = ip or self.addresses.new()
        return await self._proxy(ProxySpec(name, "default", address, ProxyType.ROUTER, CaptureMode.NONE, labels=labels))

    async def _proxy(self, spec: ProxySpec) -> Sidecar:
        config = with_api_type(self.api_type, bootstrap(spec, f"{self.control_plane}:15010", ADMIN_PORT))
        child = await self.run_envoy(spec.name, config)
        await await_ready(self.session, f"http://{spec.ip}:{ADMIN_PORT}/ready", child)
        return Sidecar(spec, self)

    async def run_envoy(self, name: str, config: Mapping[str, object]) -> Child:
        """Starts an Envoy with this configuration and does not wait for it. Its logs are written soon."""
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(config))
        argv = (*envoy_argv(self.envoy, path), "--file-flush-interval-msec", "100")
        return await self.processes.start(Command(name, argv, self.folder))

    def write(self, name: str, text: str) -> float:
        """Writes a file of the configuration, at once; returns when that began, on `time.monotonic`."""
        began = time.monotonic()
        part = self.config / f".{name}.part"
        part.write_text(dedent(text))
        part.rename(self.config / name)
        if self.witness is not None:
            self.witness.record()
        return began


def with_api_type(api_type: str, config: Mapping[str, object]) -> Mapping[str, object]:
    """The bootstrap of an Envoy that asks for its configuration in this way."""
    changed: dict[str, Any] = deepcopy(dict(config))  # JSON, of which the next line knows the shape
    changed["dynamic_resources"]["ads_config"]["api_type"] = api_type
    return changed


@asynccontextmanager
async def new_lab(folder: Path, envoy: Path, addresses: Addresses) -> AsyncIterator[Lab]:
    """A mesh without anything in it yet, whose files are in ``folder``."""
    async with AsyncExitStack() as stack:
        processes = await stack.enter_async_context(Processes(folder))
        session = await stack.enter_async_context(new_session())
        yield Lab(folder, envoy, addresses, stack, processes, session)


@dataclass(frozen=True)
class Sidecar:
    """An application's Envoy, from the application's side."""

    spec: ProxySpec
    lab: Lab

    @property
    def ip(self) -> str:
        """Where the sidecar listens."""
        return self.spec.ip

    async def get(self, host: str, path: str = "/", headers: Mapping[str, str] | None = None) -> Answer:
        """The answer to a request through the sidecar's HTTP proxy."""
        return await self.get_by(self.lab.session, host, path, headers or {})

    async def get_by(self, session: aiohttp.ClientSession, host: str, path: str, headers: Mapping[str, str]) -> Answer:
        """The same on another session's connections."""
        url = f"http://{host}:{SERVICE_PORT}{path}"
        answer = await fetch(session, url, headers, f"http://{self.ip}:{PROXY_HTTP_PORT}")
        if self.lab.witness is not None:
            self.lab.witness.note(self.spec, Asked("GET", url, tuple(headers.items())), answer)
        return answer

    async def instance(self, host: str) -> str:
        """The instance that answers a request; the status and the body if that is not an echo server."""
        answer = await self.get(host)
        return str(json.loads(answer.body)["instance"]) if answer.ok else f"{answer.status} {answer.body}"

    async def admin(self, path: str) -> str:
        """What Envoy's admin interface answers."""
        return (await fetch(self.lab.session, f"http://{self.ip}:{ADMIN_PORT}{path}", {})).body
