"""Two workloads with an agent beside each, on loopback: a client, and a server that takes mutual TLS only."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp

from e2e.addresses import Addresses
from e2e.agent.application import Application, application
from e2e.lab import Lab, Sidecar, new_lab
from e2e.program import HERE, Program
from e2e.waiting import answered
from examples.bookinfo.topology import PROXY_HTTP_PORT
from xds.app.demo.bring_up import await_ready, is_ready
from xds.app.demo.processes import Child
from xds.app.proxy_spec import ProxySpec
from xds.app.security import open_authority
from xds.ca.service import CertificateAuthority
from xds.model.identity import SpiffeId
from xds.model.proxy import CaptureMode

PORT = 9080
STATUS_PORT = 15020
TRUST_DOMAIN = "cluster.local"
LIVE_SECONDS = 30.0
REFUSED = "refused"


@dataclass
class Workload:
    """A workload's agent. address: its own; folder: where its files are. app: its label, and its service account; the
    name unless given.
    """

    name: str
    address: str
    folder: Path
    lab: Lab
    options: tuple[str, ...] = ()
    agent: Child | None = None
    app: str = ""

    @property
    def account(self) -> str:
        return self.app or self.name

    @property
    def identity(self) -> str:
        return str(SpiffeId.of_workload(TRUST_DOMAIN, "default", self.account))

    @property
    def child(self) -> Child:
        assert self.agent is not None
        return self.agent

    @property
    def status(self) -> str:
        """The URL of port 15020."""
        return f"http://{self.address}:{STATUS_PORT}"

    @property
    def proxy(self) -> Sidecar:
        """Its Envoy, from the application's side."""
        return Sidecar(ProxySpec(self.name, "default", self.address, capture=CaptureMode.NONE), self.lab)

    async def start(self, *more: str, program: Program = HERE) -> None:
        """Starts the agent, as a user does, and waits until it is ready."""
        arguments = (
            *("agent", "--server", f"{self.lab.control_plane}:15012"),
            *("--root-cert", str(self.lab.folder / "ca" / "root-cert.pem")),
            *("--name", self.name, "--namespace", "default", "--service-account", self.account, "--ip", self.address),
            *(
                "--label",
                f"app={self.account}",
                "--capture",
                "none",
                "--status-listen",
                f"{self.address}:{STATUS_PORT}",
            ),
            *("--state-dir", str(self.folder / "state"), "--run-dir", str(self.folder / "run")),
            *("--envoy", str(self.lab.envoy)),
            *self.options,
            *more,
        )
        self.agent = await self.lab.processes.start(program.command(f"agent of {self.name}", *arguments))
        await await_ready(self.lab.session, f"{self.status}/healthz/ready", self.agent)

    async def ready(self) -> bool:
        return await is_ready(self.lab.session, f"{self.status}/healthz/ready")

    async def ask(self, path: str, host: str) -> str:
        """Whom a server takes this workload's proxy for; `REFUSED` without an answer."""
        return await _get(f"http://{host}:{PORT}{path}", f"http://{self.address}:{PROXY_HTTP_PORT}")

    async def metrics(self) -> str:
        """All of them, as Prometheus asks."""
        async with self.lab.session.get(f"{self.status}/stats/prometheus") as response:
            return await response.text()

    async def metric(self, name: str) -> float:
        """One of the agent's."""
        lines = (line.rpartition(" ") for line in (await self.metrics()).splitlines())
        return next(float(value) for series, _, value in lines if series == f"pilothouse_agent_{name}")

    def envoy(self) -> int:
        """The process id of its Envoy."""
        (pid,) = Path(f"/proc/{self.child.pid}/task/{self.child.pid}/children").read_text().split()
        return int(pid)

    def resident(self) -> float:
        """Memory of the agent, Envoy not counted, in MB."""
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


@dataclass
class World:
    """A running mesh. authority: of the folder that the control plane uses too."""

    lab: Lab
    authority: CertificateAuthority
    client: Workload
    server: Workload
    application: Application
    control_plane: Child
    secure: tuple[str, ...] = field(default=())

    async def ask(self, path: str = "/", host: str = "server") -> str:
        """Whom the server takes the client's proxy for; `REFUSED` without an answer."""
        return await self.client.ask(path, host)

    async def ask_in_plain_text(self) -> str:
        """The same past the client's proxy."""
        return await _get(f"http://{self.server.address}:{PORT}/")

    async def serves(self) -> None:
        """Waits until the client's requests arrive as the client's."""
        await until(self.ask, self.client.identity)

    async def restart_control_plane(self) -> None:
        """Starts it again, on the same address."""
        self.control_plane = await self.lab.serve(*self.secure, address=self.lab.control_plane)

    def write(self, name: str, *documents: object) -> None:
        """Writes a file of the configuration."""
        self.lab.write(f"{name}.yaml", as_text(*documents))

    def join_token(self, name: str) -> tuple[str, str]:
        """The option with a token for one workload."""
        return new_join_token(self.lab, self.authority, name)


async def until(ask: Callable[[], Awaitable[object]], expected: object) -> None:
    """Waits until it is so."""
    await answered(ask, expected, LIVE_SECONDS)


async def _get(url: str, proxy: str | None = None) -> str:
    timeout = aiohttp.ClientTimeout(total=20)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url, proxy=proxy) as response:
            return await response.text() if response.status == 200 else REFUSED
    except (aiohttp.ClientError, OSError, TimeoutError):
        return REFUSED


def new_join_token(lab: Lab, authority: CertificateAuthority, account: str, name: str = "") -> tuple[str, str]:
    """The option with a token for a service account. name: of the workload that has the file, if there are several."""
    identity = SpiffeId.of_workload(TRUST_DOMAIN, "default", account)
    file = lab.folder / f"{name or account}.token"
    file.write_text(authority.join_tokens.create(identity, timedelta(minutes=10), datetime.now(UTC)))
    return "--join-token", str(file)


@asynccontextmanager
async def new_world(folder: Path, envoy: Path, addresses: Addresses) -> AsyncIterator[World]:
    """A mesh in which the client can call the server."""
    async with new_lab(folder, envoy, addresses) as lab, application() as made:
        address = addresses.new()
        secure = ("--ca-dir", str(folder / "ca"), "--secure-listen", f"{address}:15012")
        workloads = [Workload(name, addresses.new(), folder / name, lab) for name in ("client", "server")]
        client, server = workloads
        lab.write("mesh.yaml", as_text(*_documents(server.address, made.port)))
        control_plane = await lab.serve(*secure, "--workload-grace", "300ms", address=address)
        authority = open_authority(folder / "ca", TRUST_DOMAIN)
        server.options = ("--prometheus-port", str(made.port), "--drain-time", "20s")
        for workload in workloads:
            workload.folder.mkdir()
        await asyncio.gather(*(each.start(*new_join_token(lab, authority, each.name)) for each in workloads))
        world = World(lab, authority, client, server, made, control_plane, (*secure, "--workload-grace", "300ms"))
        await world.serves()
        yield world


def document(version: str, kind: str, name: str, spec: object) -> dict[str, object]:
    """An object of the namespace default."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def as_text(*documents: object) -> str:
    """Objects as a file."""
    return "---\n".join(f"{json.dumps(each)}\n" for each in documents)


def service_of(name: str, application_port: int) -> tuple[object, ...]:
    """A Service, and how its workloads' sidecars hand requests over."""
    selector = {"workloadSelector": {"labels": {"app": name}}}
    port = {"number": PORT, "name": "http", "protocol": "HTTP"}
    ingress = [{"port": port, "defaultEndpoint": f"127.0.0.1:{application_port}"}]
    ports = [{"name": "http", "port": PORT, "appProtocol": "http"}]
    return (
        document("v1", "Service", name, {"selector": {"app": name}, "ports": ports}),
        document("networking.istio.io/v1", "Sidecar", name, {**selector, "ingress": ingress}),
    )


def _documents(server: str, application_port: int) -> tuple[object, ...]:
    entry = {
        "address": server,
        "serviceAccount": "server",
        "labels": {"app": "server", "security.istio.io/tlsMode": "istio"},
    }
    return (
        *service_of("server", application_port),
        document("networking.istio.io/v1", "WorkloadEntry", "server", entry),
        document("security.istio.io/v1", "PeerAuthentication", "default", {"mtls": {"mode": "STRICT"}}),
    )
