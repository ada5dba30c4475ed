"""A mesh in network namespaces: a workload in each with its application, its agent and its Envoy, and capture on.

The control plane is on the bridge that joins them, and so is whatever else everybody talks to. Nothing of it is faked:
names come from ``/etc/hosts``, addresses of services are nobody's, Envoy has a user of its own, and workloads join with
a token. What is to be in the mesh, and around it, is a `Plan`.
"""

from __future__ import annotations

import asyncio
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
from e2e.netmesh_plan import Member, Plan
from e2e.program import HERE
from examples.bookinfo.topology import REPOSITORY
from xds.app.demo.bring_up import is_ready
from xds.app.demo.processes import Child, Command, Processes
from xds.ca.join_tokens import JoinTokens
from xds.model.identity import SpiffeId

PROXY_USER = 1337
"""Whose Envoys are; their group, which is the agents' too, is what capture leaves alone."""

SECURE, MONITORING = (f"{GATEWAY}:{port}" for port in (15012, 15014))
STATUS_PORT = 15020
_TOKEN_LIFE = timedelta(hours=1)
_READY_SECONDS = 180.0


@dataclass(frozen=True)
class NetMesh:
    """The running mesh. hub: the bridge's namespace, which is outside of the mesh. members: also those around it."""

    folder: Path
    hub: Namespace
    members: Mapping[str, Namespace]
    processes: Processes
    agents: Mapping[str, Child]

    @property
    def configuration(self) -> Path:
        return self.folder / "mesh"

    @property
    def mesh_config(self) -> Path:
        return self.folder / "mesh-config.yaml"

    def write(self, name: str, text: str) -> None:
        """Writes a file of the configuration."""
        _replace(self.configuration / name, text)

    def configure(self, text: str) -> None:
        """Writes the MeshConfig."""
        _replace(self.mesh_config, text)

    @asynccontextmanager
    async def session(self, namespace: Namespace) -> AsyncIterator[aiohttp.ClientSession]:
        """Requests from a namespace."""
        connector = aiohttp.TCPConnector(socket_factory=lambda _: namespace.open_socket(), force_close=True)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=20)) as session:
            yield session


def _replace(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}")
    part.write_text(text)
    part.rename(path)


@asynccontextmanager
async def netmesh(folder: Path, envoy: Path, plan: Plan) -> AsyncIterator[NetMesh]:
    """Makes everything, waits until every agent is ready, and leaves nothing behind."""
    shutil.copytree(plan.configuration, folder / "mesh")
    shutil.copy(plan.mesh_config, folder / "mesh-config.yaml")
    async with AsyncExitStack() as stack:
        public = stack.enter_context(_folder_for_everybody(envoy))
        hosts = {**{member.name: member.ip for member in plan.members}, **plan.outside}
        places = stack.enter_context(network(hosts))
        processes = await stack.enter_async_context(Processes(folder))
        builder = _Builder(folder, public, processes, plan)
        await builder.control_plane(places["hub"])
        agents = await asyncio.gather(*(builder.member(member, places[member.name]) for member in plan.members))
        named = dict(zip((member.name for member in plan.members), agents, strict=True))
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
    plan: Plan

    async def control_plane(self, hub: Namespace) -> None:
        """With its certificate authority, after what is beside it."""
        hub.name_hosts(dict.fromkeys(self.plan.beside, GATEWAY))
        for name, program in self.plan.beside.items():
            await self._start(name, hub.command(sys.executable, "-m", *program))
        serve = (
            *("serve", "--config", str(self.folder / "mesh"), "--mesh-config", str(self.folder / "mesh-config.yaml")),
            *("--ca-dir", str(self.folder / "ca"), "--secure-listen", SECURE, "--monitoring-listen", MONITORING),
        )
        child = await self._start("control plane", hub.command(*HERE.argv(*serve)))
        await await_inside(hub, f"http://{MONITORING}/ready", child)

    async def member(self, member: Member, namespace: Namespace) -> Child:
        """Its application, which knows of nothing; capture; and an agent that runs its Envoy."""
        namespace.name_hosts(self.plan.hosts)
        if member.application:
            argv = namespace.command(sys.executable, "-m", *member.application)
            await self._start(f"application of {member.name}", argv)
        if member.capture is not None:
            owner = ("--proxy-uid", str(PROXY_USER), "--proxy-gid", str(PROXY_GROUP))
            await asyncio.to_thread(namespace.run, *HERE.argv("capture", "apply", *owner, *member.capture))
        token = put_join_token(self.folder / f"{member.name}.token", self.folder / "ca", member.identity)
        home = self.public / member.name
        agent = (
            *("agent", "--server", SECURE, "--root-cert", str(self.folder / "ca" / "root-cert.pem")),
            *("--join-token", str(token), "--name", member.name, "--namespace", member.namespace),
            *("--service-account", member.account, "--ip", member.ips, *member.options),
            *("--state-dir", str(self.folder / f"{member.name}-state"), "--run-dir", str(home)),
            *("--envoy", str(self.public / "envoy"), "--proxy-uid", str(PROXY_USER), "--", "--concurrency", "1"),
        )
        child = await self._start(f"agent of {member.name}", namespace.command(*as_proxy(*HERE.argv(*agent))))
        await await_inside(namespace, f"http://127.0.0.1:{STATUS_PORT}/healthz/ready", child)
        return child

    async def _start(self, name: str, argv: tuple[str, ...]) -> Child:
        return await self.processes.start(Command(name, argv, REPOSITORY, HERE.environment))


def put_join_token(file: Path, authority: Path, identity: SpiffeId) -> Path:
    """Writes a file, for its owner alone, with a token that the authority of a folder takes once for an identity."""
    file.write_text(JoinTokens(authority).create(identity, _TOKEN_LIFE, datetime.now(UTC)))
    file.chmod(0o600)
    return file


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
