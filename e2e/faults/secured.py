"""A service of two instances that takes mutual TLS only, and a client: an agent beside each.

The instances are known because they register themselves, so that a control plane that forgot them would cost requests.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from e2e.addresses import Addresses
from e2e.agent.world import LIVE_SECONDS, PORT, TRUST_DOMAIN, Workload, new_join_token
from e2e.echo import Held, echo_server
from e2e.lab import Lab, new_lab
from e2e.load_mesh import HOST, Document, LoadMesh, in_front, istio, put, rule, service
from e2e.program import HERE, Program
from e2e.waiting import happened
from xds.app.demo.bring_up import is_ready
from xds.app.demo.processes import Child
from xds.app.remembered import RememberedEntries
from xds.app.security import open_authority
from xds.ca.service import CertificateAuthority

VERSIONS = ("v1", "v2")
LIFE_SECONDS = 50
"""Of a workload's first certificate: it is renewed after half of it at the latest."""


@dataclass
class Secured:
    """The mesh, running. authority: of the folder that the control plane uses too. held: at the instances."""

    mesh: LoadMesh
    authority: CertificateAuthority
    client: Workload
    servers: Mapping[str, Workload]
    held: Mapping[str, Held]
    options: tuple[str, ...]
    control_plane: Child

    @property
    def workloads(self) -> tuple[Workload, ...]:
        return (self.client, *self.servers.values())

    async def kill_control_plane(self) -> None:
        """SIGKILL; returns when it is gone."""
        self.control_plane.send(signal.SIGKILL)
        await self.control_plane.wait()

    async def start_control_plane(self) -> None:
        """Starts it again, where it was. From then on certificates hold a day."""
        self.control_plane = await self.mesh.lab.serve(*self.options, address=self.mesh.lab.control_plane)


async def takes_plain_text(mesh: LoadMesh) -> bool:
    """Whether an instance answers somebody who comes past all proxies."""
    return await is_ready(mesh.lab.session, f"http://{mesh.addresses['v1']}:{PORT}/")


def to_all() -> Document:
    """A VirtualService by which requests go to both instances, but those for a path with the name of one to that."""
    by_path = [
        {
            "match": [{"uri": {"prefix": f"/{version}/"}}],
            "route": [{"destination": {"host": HOST, "subset": version}}],
        }
        for version in VERSIONS
    ]
    return istio(
        "VirtualService", HOST, {"hosts": [HOST], "http": [*by_path, {"route": [{"destination": {"host": HOST}}]}]}
    )


async def until(is_so: Callable[[], Awaitable[bool]], what: str) -> None:
    """Waits for something that must happen."""
    await happened(is_so, what, LIVE_SECONDS)


@asynccontextmanager
async def new_secured(folder: Path, envoy: Path, addresses: Addresses) -> AsyncIterator[Secured]:
    """The mesh, in which requests go to both instances."""
    async with new_lab(folder, envoy, addresses) as lab:
        address, held = addresses.new(), {version: Held() for version in VERSIONS}
        client = Workload("client", addresses.new(), folder / "client", lab)
        group = ("--workload-group", HOST)
        servers = {version: await instance(lab, version, held[version], *group) for version in VERSIONS}
        put_group(lab.config)
        put_strict(lab.config)
        secure = ("--ca-dir", str(folder / "ca"), "--secure-listen", f"{address}:15012")
        control_plane = await lab.serve(*secure, "--workload-cert-ttl", f"{LIFE_SECONDS}s", address=address)
        authority = open_authority(folder / "ca", TRUST_DOMAIN)
        await start_all(authority, client, *servers.values())
        await until(partial(_remembers, lab, servers.values()), "the control plane remembers them")
        mesh = LoadMesh(lab, client.proxy, {version: each.address for version, each in servers.items()})
        yield Secured(mesh, authority, client, servers, held, secure, control_plane)


async def _remembers(lab: Lab, servers: Iterable[Workload]) -> bool:
    """Whether a control plane that starts anew will know them, as it does a second after they have registered."""
    remembered = RememberedEntries(lab.folder / "cache" / "registrations", lab.config).load()
    return all(any(each.address in path for path in remembered) for each in servers)


async def instance(lab: Lab, version: str, held: Held | None, *options: str) -> Workload:
    """A server, and the workload that is to stand in front of it, not started yet. options: of its agent."""
    port = await lab.stack.enter_async_context(echo_server(version, "127.0.0.1", held=held))
    put(lab.config, f"sidecar-{version}", in_front(version, _labels(version), f"127.0.0.1:{port}"))
    name, labels = f"{HOST}-{version}", ("--label", f"version={version}")
    return Workload(name, lab.addresses.new(), lab.folder / name, lab, (*labels, *options), app=HOST)


async def start_all(authority: CertificateAuthority, *workloads: Workload, program: Program = HERE) -> None:
    """Starts agents, each with a token of its own."""
    for each in workloads:
        each.folder.mkdir()
        each.options += new_join_token(each.lab, authority, each.account, each.name)
    await asyncio.gather(*(each.start(program=program) for each in workloads))


def put_group(config: Path) -> None:
    """The group in which instances register themselves."""
    template = {"serviceAccount": HOST, "ports": {"http": PORT}}
    put(config, "group", istio("WorkloadGroup", HOST, {"metadata": {"labels": _meshed()}, "template": template}))


def put_entry(config: Path, workload: Workload, version: str) -> None:
    """An instance that does not."""
    labels = {**_meshed(), **_labels(version)}
    spec = {"address": workload.address, "serviceAccount": HOST, "labels": labels}
    put(config, f"entry-{version}", istio("WorkloadEntry", workload.name, spec))


def put_strict(config: Path) -> None:
    """The service, requests to all of its instances, and mutual TLS alone."""
    put(config, "service", service(HOST))
    put(config, "destination-rule", rule(*VERSIONS, policy="ROUND_ROBIN"))
    put(config, "virtual-service", to_all())
    strict = {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": "default"},
        "spec": {"mtls": {"mode": "STRICT"}},
    }
    put(config, "strict", strict)


def _labels(version: str) -> Mapping[str, str]:
    return {"app": HOST, "version": version}


def _meshed() -> Mapping[str, str]:
    return {"app": HOST, "security.istio.io/tlsMode": "istio"}
