"""A mesh of which any part may be of the release before: servers that register themselves, and their clients."""

from __future__ import annotations

from dataclasses import dataclass, field

from e2e.agent.world import (
    PORT,
    TRUST_DOMAIN,
    Workload,
    as_text,
    document,
    new_join_token,
    until,
)
from e2e.echo import echo_server
from e2e.lab import Lab, Sidecar
from e2e.program import Program
from e2e.upgrade.watched import Seen, seen_in
from xds.app.demo.processes import Child
from xds.app.demo.shop import fetch
from xds.app.security import open_authority

SERVER = "server"
SERVERS = ("server-a", "server-b", "server-c", "server-d")
_NETWORKING = "networking.istio.io/v1"
_EXPECTED_BACK = "workloads that had registered themselves are expected back"


@dataclass
class Mesh:
    """control_plane: the one that runs. workloads: those that have joined, by name."""

    lab: Lab
    control_plane: Child
    workloads: dict[str, Workload] = field(default_factory=dict)

    async def replace_control_plane(self, program: Program) -> None:
        """Ends it as an operator does, and starts this one on its address, with its folders and its configuration."""
        remembered = self.control_plane.log.read_text().count(_EXPECTED_BACK)
        assert await self.control_plane.stop(30) == 0
        self.control_plane = await _serve(self.lab, self.lab.control_plane, program)
        assert self.control_plane.log.read_text().count(_EXPECTED_BACK) == remembered + 1

    async def join(self, name: str, program: Program) -> None:
        """A workload joins with a token. It is a server if its name is one of theirs."""
        group = ("--workload-group", "servers", "--label", f"instance={name}") if name in SERVERS else ()
        app = SERVER if name in SERVERS else name
        workload = Workload(name, self.lab.addresses.new(), self.lab.folder / name, self.lab, group, app=app)
        workload.folder.mkdir()
        self.workloads[name] = workload
        authority = open_authority(self.lab.folder / "ca", TRUST_DOMAIN)
        await workload.start(*new_join_token(self.lab, authority, app, name), program=program)

    async def replace_agent(self, name: str, program: Program) -> None:
        """Ends a workload's agent, which drains, and starts this one, which has no token but what was kept."""
        assert await self.workloads[name].child.stop(30) == 0
        await self.workloads[name].start(program=program)

    def proxy(self, name: str) -> Sidecar:
        """What a workload sends its requests by."""
        return self.workloads[name].proxy

    async def ask(self, name: str) -> Seen | None:
        """What a server has seen of a request by a workload; None if it was not answered."""
        answer = await self.proxy(name).get(SERVER)
        return seen_in(answer) if answer.ok else None

    async def reaches(self, name: str, server: str) -> None:
        """Returns once a server has answered a request by a workload, and knows who has sent it."""

        async def seen() -> bool:
            found = await self.ask(name)
            return found is not None and (found.instance, found.sender) == (server, self.workloads[name].identity)

        await until(seen, True)

    def change(self, step: int) -> None:
        """Changes the configuration: requests carry the number of the step from now on."""
        rule = {"headers": {"request": {"set": {"x-step": str(step)}}}, "route": [{"destination": {"host": SERVER}}]}
        self.lab.write("step.yaml", as_text(document(_NETWORKING, "VirtualService", "step", _hosts(rule))))

    def authorities(self) -> tuple[bytes, frozenset[str]]:
        """The roots that are trusted, and every authority that there is."""
        folder = self.lab.folder / "ca"
        return (folder / "root-cert.pem").read_bytes(), frozenset(
            each.name for each in (folder / "authorities").iterdir()
        )

    async def version(self) -> str:
        """The version of the control plane that runs, as it says itself."""
        page = await fetch(self.lab.session, f"http://{self.lab.control_plane}:15014/metrics", {})
        (line,) = (line for line in page.body.splitlines() if line.startswith("pilothouse_build_info{"))
        return line.partition('version="')[2].partition('"')[0]


async def new_mesh(lab: Lab, program: Program) -> Mesh:
    """With a control plane of this program and no workload yet. Servers take mutual TLS alone."""
    ports = {name: await lab.stack.enter_async_context(echo_server(name, "127.0.0.1")) for name in SERVERS}
    lab.write("mesh.yaml", as_text(*_documents(ports)))
    mesh = Mesh(lab, await _serve(lab, lab.addresses.new(), program))
    mesh.change(0)
    return mesh


async def _serve(lab: Lab, address: str, program: Program) -> Child:
    options = ("--ca-dir", str(lab.folder / "ca"), "--cache-dir", str(lab.folder / "cache"))
    return await lab.serve(*options, "--secure-listen", f"{address}:15012", address=address, program=program)


def _hosts(rule: object) -> dict[str, object]:
    return {"hosts": [SERVER], "http": [rule]}


def _documents(ports: dict[str, int]) -> list[object]:
    service = {"selector": {"app": SERVER}, "ports": [{"name": "http", "port": PORT, "appProtocol": "http"}]}
    group = {
        "metadata": {"labels": {"app": SERVER, "security.istio.io/tlsMode": "istio"}},
        "template": {"ports": {"http": PORT}, "serviceAccount": SERVER},
        "probe": {"periodSeconds": 1, "httpGet": {"port": ports[SERVERS[0]], "path": "/healthz"}},
    }
    return [
        document("v1", "Service", SERVER, service),
        document(_NETWORKING, "WorkloadGroup", "servers", group),
        document("security.istio.io/v1", "PeerAuthentication", "default", {"mtls": {"mode": "STRICT"}}),
        *(document(_NETWORKING, "Sidecar", name, _sidecar(name, port)) for name, port in ports.items()),
    ]


def _sidecar(name: str, port: int) -> dict[str, object]:
    ingress = {
        "port": {"number": PORT, "name": "http", "protocol": "HTTP"},
        "defaultEndpoint": f"127.0.0.1:{port}",
    }
    return {"workloadSelector": {"labels": {"instance": name}}, "ingress": [ingress]}
