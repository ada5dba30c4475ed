"""A mesh whose network, disks, clocks and folders can be broken: two versions of a service and a client, each with an
agent and an Envoy in a namespace of its own, and a control plane at the other end of a `Cable`.

The control plane is root without the right to pass over permissions, so that it can be locked out; its folders are
small disks of its own, which are in its mount namespace and gone with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from e2e.capture.namespaces import Namespace, network
from e2e.capture.servers import http_server
from e2e.faults.machine.cable import Cable, cable
from e2e.faults.machine.clock import SetClock
from e2e.faults.machine.documents import PORT, put_mesh
from e2e.load_mesh import HOST, put, route
from e2e.netmesh import await_inside, put_join_token
from e2e.program import HERE
from e2e.waiting import happened
from examples.bookinfo.topology import MESH_CONFIG, PROXY_HTTP_PORT, REPOSITORY
from xds.app.demo.processes import Child, Command, Processes
from xds.app.demo.shop import Answer, fetch
from xds.model.identity import SpiffeId

CONTROL = "10.77.0.2"
VERSIONS = {"v1": "10.77.0.12", "v2": "10.77.0.13"}
WORKLOADS = {"client": "10.77.0.11", **VERSIONS}
SECURE, MONITORING = (f"{CONTROL}:{port}" for port in (15012, 15014))
DISK_BYTES = 1 << 20

_STATUS_PORT, _APPLICATION_PORT = 15020, 8080
_DISKS = ("ca", "cache")
_LOCKABLE = ("--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-dac_override,-dac_read_search")
_MOUNT = 'for disk in $DISKS; do mount -t tmpfs -o mode=0700,size=$BYTES tmpfs "$disk"; done; exec "$@"'


@dataclass(frozen=True)
class Machine:
    """The running mesh. cable: between the control plane and all others. clock: of the control plane; agent_clock: of
    the client's agent. session: connections of the client's application."""

    folder: Path
    places: Mapping[str, Namespace]
    cable: Cable
    processes: Processes
    control_plane: Child
    clock: SetClock
    agent_clock: SetClock
    agents: Mapping[str, Child]
    session: aiohttp.ClientSession

    @property
    def config(self) -> Path:
        """The folder that the control plane watches."""
        return self.folder / "config"

    def disk(self, name: str) -> Path:
        """One of the control plane's own, as seen from outside."""
        return disk_of(self.control_plane, self.folder / name)

    def send_all_to(self, version: str) -> None:
        """Changes the route."""
        put(self.config, "virtual-service", route(**{version: 100}))

    @property
    def root(self) -> Path:
        """What the control plane's certificate is checked against."""
        return self.folder / "root-cert.pem"

    def join_token(self, name: str) -> Path:
        """A file with a token for a workload."""
        return new_join_token(self.folder, self.control_plane, name)

    async def get(self, host: str, path: str = "/", token: str = "") -> Answer:
        """A request of the client, through its Envoy. token: to be sent with it."""
        proxy = f"http://{WORKLOADS['client']}:{PROXY_HTTP_PORT}"
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return await fetch(self.session, f"http://{host}:{PORT}{path}", headers, proxy)

    async def get_in_plain_text(self, version: str) -> Answer:
        """A request past all Envoys but the server's own."""
        return await fetch(self.session, f"http://{VERSIONS[version]}:{PORT}/", {})

    async def monitoring(self, path: str) -> str:
        """What the control plane says of itself."""
        async with _session(self.places["control"]) as session:
            return (await fetch(session, f"http://{MONITORING}{path}", {})).body

    def log(self) -> str:
        """All that the control plane has said."""
        return self.control_plane.log.read_text()


def disk_of(child: Child, path: Path) -> Path:
    """What a process has at a path, as seen from outside of its mount namespace."""
    return Path(f"/proc/{child.pid}/root{path}")


def new_join_token(folder: Path, control_plane: Child, name: str) -> Path:
    """See `Machine.join_token`."""
    identity = SpiffeId.of_workload("cluster.local", "default", name)
    return put_join_token(folder / f"{name}.token", disk_of(control_plane, folder / "ca"), identity)


def _session(place: Namespace) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(socket_factory=lambda _: place.open_socket(), limit=64)
    return aiohttp.ClientSession(connector=connector)


@asynccontextmanager
async def machine(folder: Path, envoy: Path) -> AsyncIterator[Machine]:
    """Makes everything, waits until requests are answered, and leaves nothing behind."""
    (folder / "config").mkdir()
    put_mesh(folder / "config", VERSIONS, _APPLICATION_PORT)
    async with AsyncExitStack() as stack:
        places = stack.enter_context(network({"control": CONTROL, **WORKLOADS}))
        carried = await _connect(stack, places)
        for version in VERSIONS:
            listening = places[version].listen(_APPLICATION_PORT)
            await stack.enter_async_context(http_server(version, listening))
        processes = await stack.enter_async_context(Processes(folder))
        builder = _Builder(folder, places, processes, _unset(folder, envoy))
        clock, agent_clock = SetClock(folder / "clock"), SetClock(folder / "agent-clock")
        control_plane = await builder.control_plane(clock)
        agents = await asyncio.gather(*(builder.agent(name, control_plane, agent_clock) for name in WORKLOADS))
        session = await stack.enter_async_context(_session(places["client"]))
        named = dict(zip(WORKLOADS, agents, strict=True))
        made = Machine(folder, places, carried, processes, control_plane, clock, agent_clock, named, session)
        await _until_answered(made)
        yield made


async def _connect(stack: AsyncExitStack, places: Mapping[str, Namespace]) -> Cable:
    """Puts a `Cable` in the place of the control plane's link to the bridge."""
    hub, control = places["hub"], places["control"]
    hub.run("ip", "link", "delete", "port0")
    made = await stack.enter_async_context(cable((hub, "cable"), (control, "eth0")))
    hub.run("ip", "link", "set", "cable", "master", "bridge", "up")
    control.run("ip", "link", "set", "eth0", "up")
    control.run("ip", "addr", "add", f"{CONTROL}/24", "dev", "eth0")
    return made


async def _until_answered(made: Machine) -> None:
    async def is_answered() -> bool:
        return (await made.get(HOST)).ok

    await happened(is_answered, "a request is answered", 60)


def _unset(folder: Path, envoy: Path) -> Path:
    """An Envoy whose clock is the machine's, whatever its agent's is."""
    program = folder / "envoy"
    program.write_text(f'#!/bin/sh\nunset LD_PRELOAD\nexec {envoy} "$@"\n')
    program.chmod(0o700)
    return program


@dataclass(frozen=True)
class _Builder:
    folder: Path
    places: Mapping[str, Namespace]
    processes: Processes
    envoy: Path

    async def control_plane(self, clock: SetClock) -> Child:
        """On disks of its own."""
        disks = [self.folder / name for name in _DISKS]
        for disk in disks:
            disk.mkdir()
        serve = (
            *("serve", "--config", str(self.folder / "config"), "--mesh-config", str(MESH_CONFIG)),
            *("--ca-dir", str(disks[0]), "--cache-dir", str(disks[1]), "--jwks-refresh", "1s"),
            *("--secure-listen", SECURE, "--monitoring-listen", MONITORING),
        )
        # the rights go last: it takes some to mount
        argv = ("unshare", "--mount", "sh", "-ec", _MOUNT, "sh", "setpriv", *_LOCKABLE, "--pdeathsig", "KILL")
        variables = {**clock.environment, "DISKS": " ".join(map(str, disks)), "BYTES": str(DISK_BYTES)}
        place = self.places["control"]
        child = await self._start("control plane", place, (*argv, *HERE.argv(*serve)), variables)
        await await_inside(place, f"http://{MONITORING}/ready", child)
        (self.folder / "root-cert.pem").write_bytes((disk_of(child, disks[0]) / "root-cert.pem").read_bytes())
        return child

    async def agent(self, name: str, control_plane: Child, clock: SetClock) -> Child:
        """Beside a workload. clock: of the client's."""
        home = self.folder / name
        home.mkdir()
        token = new_join_token(self.folder, control_plane, name)
        app = HOST if name in VERSIONS else name
        agent = (
            *("agent", "--server", SECURE, "--root-cert", str(self.folder / "root-cert.pem")),
            *("--join-token", str(token)),
            *("--name", name, "--namespace", "default", "--service-account", name, "--ip", WORKLOADS[name]),
            *("--label", f"app={app}", "--label", f"version={name}", "--capture", "none"),
            *("--state-dir", str(home / "state"), "--run-dir", str(home / "run")),
            *("--envoy", str(self.envoy), "--", "--concurrency", "1"),
        )
        variables = clock.environment if name == "client" else {}
        child = await self._start(f"agent of {name}", self.places[name], HERE.argv(*agent), variables)
        await await_inside(self.places[name], f"http://127.0.0.1:{_STATUS_PORT}/healthz/ready", child)
        return child

    async def _start(self, name: str, place: Namespace, argv: tuple[str, ...], variables: Mapping[str, str]) -> Child:
        environment = {**HERE.environment, **variables}
        return await self.processes.start(Command(name, place.command(*argv), REPOSITORY, environment))
