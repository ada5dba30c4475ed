"""Bookinfo in network namespaces: a workload in each with its application, its agent and its Envoy, and capture on.

The control plane, and who gives out tokens, are on the bridge that joins them. Nothing of it is faked: names come from
``/etc/hosts``, addresses of services are nobody's, Envoy has a user of its own, and workloads join with a token.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp

from e2e.capture.namespaces import GATEWAY, Namespace, network
from e2e.capture.redirection import PROXY_GROUP, as_proxy
from examples.bookinfo.topology import REPOSITORY, SERVICE_PORT
from xds.app.demo.bring_up import is_ready
from xds.app.demo.processes import Child, Command, Processes
from xds.ca.join_tokens import JoinTokens
from xds.model.identity import SpiffeId

CAPTURED = REPOSITORY / "examples" / "bookinfo" / "captured"
MESH_CONFIG = REPOSITORY / "examples" / "bookinfo" / "mesh-config.yaml"
TRUST_DOMAIN = "cluster.local"
PROXY_USER = 1337
"""Whose Envoys are; their group, which is the agents' too, is what capture leaves alone."""

SECURE, MONITORING, ISSUER = (f"{GATEWAY}:{port}" for port in (15012, 15014, 8081))
STATUS_PORT = 15020
FRONT_DOOR = 8080
_TOKEN_LIFE = timedelta(hours=1)
_READY_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Member:
    """A workload, or the gateway, which has no application. ip: its address, as that of its namespace."""

    name: str
    ip: str
    account: str
    options: tuple[str, ...]
    namespace: str = "default"
    application: tuple[str, ...] = ()

    @property
    def identity(self) -> SpiffeId:
        return SpiffeId.of_workload(TRUST_DOMAIN, self.namespace, self.account)


def _workload(app: str, version: str, ip: str) -> Member:
    name = f"{app}-{version}"
    options = ("--workload-group", name, "--label", f"app={app}", "--label", f"version={version}")
    program = (f"examples.bookinfo.services.{app}", "--listen", f"0.0.0.0:{SERVICE_PORT}", "--version", version)
    return Member(name, ip, f"bookinfo-{app}", options, application=program)


MEMBERS = (
    Member(
        "ingressgateway",
        "10.77.0.5",
        "istio-ingressgateway-service-account",
        ("--type", "gateway", "--label", "istio=ingressgateway"),
        namespace="istio-system",
    ),
    _workload("productpage", "v1", "10.77.0.11"),
    _workload("details", "v1", "10.77.0.12"),
    _workload("reviews", "v1", "10.77.0.13"),
    _workload("reviews", "v2", "10.77.0.14"),
    _workload("reviews", "v3", "10.77.0.15"),
    _workload("ratings", "v1", "10.77.0.16"),
)

RESOLVED = {"productpage": "10.96.0.1", "details": "10.96.0.2", "reviews": "10.96.0.3", "ratings": "10.96.0.4"}
"""What applications resolve. The addresses are nobody's: the requests say for whom they are."""


@dataclass(frozen=True)
class NetMesh:
    """The running mesh. hub: the bridge's namespace, which is outside of the mesh."""

    folder: Path
    hub: Namespace
    members: Mapping[str, Namespace]
    processes: Processes
    agents: Mapping[str, Child]

    def write(self, name: str, text: str) -> None:
        """Writes a file of the configuration."""
        part = self.folder / "mesh" / f".{name}"
        part.write_text(text)
        part.rename(self.folder / "mesh" / name)

    @asynccontextmanager
    async def session(self, namespace: Namespace) -> AsyncIterator[aiohttp.ClientSession]:
        """Requests from a namespace."""
        connector = aiohttp.TCPConnector(socket_factory=lambda _: namespace.open_socket(), force_close=True)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=20)) as session:
            yield session


@asynccontextmanager
async def netmesh(folder: Path, envoy: Path) -> AsyncIterator[NetMesh]:
    """Makes everything, waits until every agent is ready, and leaves nothing behind."""
    shutil.copytree(CAPTURED, folder / "mesh")
    async with AsyncExitStack() as stack:
        public = stack.enter_context(_folder_for_everybody(envoy))
        places = stack.enter_context(network({member.name: member.ip for member in MEMBERS}))
        processes = await stack.enter_async_context(Processes(folder))
        builder = _Builder(folder, public, processes)
        await builder.control_plane(places["hub"])
        agents = await asyncio.gather(*(builder.member(member, places[member.name]) for member in MEMBERS))
        named = dict(zip((member.name for member in MEMBERS), agents, strict=True))
        yield NetMesh(folder, places["hub"], places, processes, named)


@contextmanager
def _folder_for_everybody(envoy: Path) -> Iterator[Path]:
    """What Envoys' own user can reach, which others' temporary folders are not."""
    with tempfile.TemporaryDirectory(prefix="pilothouse-netmesh-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copy(envoy, folder / "envoy")
        yield folder


@dataclass(frozen=True)
class _Builder:
    folder: Path
    public: Path
    processes: Processes

    async def control_plane(self, hub: Namespace) -> None:
        """With its certificate authority; and who gives out tokens."""
        hub.name_hosts({"issuer": GATEWAY})
        issuer = ("examples.bookinfo.issuer", "--listen", ISSUER)
        await self._start("issuer", hub.command(sys.executable, "-m", *issuer))
        serve = (
            *("serve", "--config", str(self.folder / "mesh"), "--mesh-config", str(MESH_CONFIG)),
            *("--ca-dir", str(self.folder / "ca"), "--secure-listen", SECURE, "--monitoring-listen", MONITORING),
        )
        child = await self._start("control plane", hub.command(*_pilothouse(*serve)))
        await await_inside(hub, f"http://{MONITORING}/ready", child)

    async def member(self, member: Member, namespace: Namespace) -> Child:
        """Its application, which knows of nothing; capture; and an agent that runs its Envoy."""
        namespace.name_hosts(RESOLVED)
        if member.application:
            argv = namespace.command(sys.executable, "-m", *member.application)
            await self._start(f"application of {member.name}", argv)
            owner = ("--proxy-uid", str(PROXY_USER), "--proxy-gid", str(PROXY_GROUP))
            await asyncio.to_thread(namespace.run, *_pilothouse("capture", "apply", *owner))
        token = self.folder / f"{member.name}.token"
        token.write_text(JoinTokens(self.folder / "ca").create(member.identity, _TOKEN_LIFE, datetime.now(UTC)))
        token.chmod(0o600)
        home = self.public / member.name
        agent = (
            *("agent", "--server", SECURE, "--root-cert", str(self.folder / "ca" / "root-cert.pem")),
            *("--join-token", str(token), "--name", member.name, "--namespace", member.namespace),
            *("--service-account", member.account, "--ip", member.ip, *member.options),
            *("--state-dir", str(self.folder / f"{member.name}-state"), "--run-dir", str(home)),
            *("--envoy", str(self.public / "envoy"), "--proxy-uid", str(PROXY_USER), "--", "--concurrency", "1"),
        )
        child = await self._start(f"agent of {member.name}", namespace.command(*as_proxy(*_pilothouse(*agent))))
        await await_inside(namespace, f"http://127.0.0.1:{STATUS_PORT}/healthz/ready", child)
        return child

    async def _start(self, name: str, argv: tuple[str, ...]) -> Child:
        return await self.processes.start(Command(name, argv, REPOSITORY, {"PYTHONPATH": os.fspath(REPOSITORY)}))


def _pilothouse(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "xds.app.cli", *arguments)


async def await_inside(namespace: Namespace, url: str, child: Child) -> None:
    """Waits until a URL is answered with 200 inside a namespace; two dozen processes may start at once.

    child: who is to answer.
    """
    connector = aiohttp.TCPConnector(socket_factory=lambda _: namespace.open_socket())
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=2)) as session:
        deadline = time.monotonic() + _READY_SECONDS
        while not await is_ready(session, url):
            assert child.running, child.tail()
            assert time.monotonic() < deadline, f"{child.command.name} is not ready:\n{child.tail()}"
            await asyncio.sleep(0.1)
