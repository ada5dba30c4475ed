"""A client and a server whose sidecars capture and have identities, and a stranger without a sidecar."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from e2e.capture.caller import Caller
from e2e.capture.grpc_applications import grpc_server
from e2e.capture.namespaces import GATEWAY, Namespace, network
from e2e.capture.redirection import CAPTURE, as_proxy
from e2e.capture.servers import Server, bytes_server, greeting_server, http_server, line_server
from e2e.mtls.world import NOBODY, REFUSED, TRUST_DOMAIN, document, identities
from e2e.waiting import answered
from examples.bookinfo.topology import REPOSITORY
from xds.app.bootstrap import bootstrap
from xds.app.bootstrap_tls import XdsTls
from xds.app.demo.bring_up import await_ready
from xds.app.demo.plan import ADMIN_PORT, envoy_argv
from xds.app.demo.processes import Command, Processes
from xds.app.proxy_spec import ProxySpec
from xds.app.security import open_authority
from xds.ca.keyed import keyed_svid
from xds.ca.service import CertificateAuthority
from xds.model.identity import SpiffeId

HTTP, GUESSED, GUESSED_LINES, GUESSED_BYTES, GUESSED_CALLS, DATABASE = 9080, 8000, 8001, 8002, 9500, 3306
"""Ports of the service: HTTP by its name, four of which nobody says what they are, and one where the server speaks
first."""

UNDECLARED, UNDECLARED_LINES = 7070, 7071
"""Ports that the workload serves, and of which no service knows."""

SERVER, STRANGER = "10.77.0.21", "10.77.0.50"
HOSTS = {"client": "10.77.0.10", "server": SERVER, "stranger": STRANGER}
NAMES = {"server": "10.96.0.10", "pods": SERVER, "pod": SERVER, "stranger": STRANGER}
"""What applications resolve: a service by its address, a headless one and a pod by the pod's, and the stranger."""

_SERVED: Mapping[int, Server] = {
    HTTP: http_server,
    GUESSED: http_server,
    GUESSED_LINES: line_server,
    GUESSED_BYTES: bytes_server,
    GUESSED_CALLS: grpc_server,
    DATABASE: greeting_server,
    UNDECLARED: http_server,
    UNDECLARED_LINES: line_server,
}
_SECONDS = 20.0


@dataclass(frozen=True)
class Captured:
    """The running mesh, from its applications' side."""

    client: Caller
    server: Caller
    stranger: Caller
    config: Path

    def policy(self, **spec: object) -> None:
        """Puts a PeerAuthentication for the whole namespace in force; for the server alone if it is for ports."""
        selector = {"selector": {"matchLabels": {"app": "server"}}} if "portLevelMtls" in spec else {}
        self._write("policy", document("security.istio.io/v1", "PeerAuthentication", "policy", {**selector, **spec}))

    def _write(self, name: str, *documents: object) -> None:
        part = self.config / f".{name}.part"
        part.write_text("---\n".join(f"{json.dumps(each)}\n" for each in documents))
        part.rename(self.config / f"{name}.yaml")

    async def until(self, ask: Callable[[], Awaitable[object]], expected: object) -> None:
        """Waits until this is the answer."""
        await answered(ask, expected, _SECONDS)

    async def stat(self, pattern: str) -> int:
        """The sum of the counters of the server's sidecar whose names match."""
        text = (await self.server.get(f"http://localhost:{ADMIN_PORT}/stats?filter={pattern}")).body
        return sum(int(line.rpartition(" ")[2]) for line in text.splitlines())


async def sender(caller: Caller, url: str) -> str:
    """Whom the server takes the sender of a request for: a SPIFFE ID, nobody; or that nothing was answered."""
    try:
        reply = await caller.get(url, {"connection": "close"})
    except (aiohttp.ClientError, OSError):
        return REFUSED
    if reply.status != 200:
        return REFUSED
    return identities(reply.saw("x-forwarded-client-cert") or "") or NOBODY


@asynccontextmanager
async def captured(folder: Path, envoy: Path) -> AsyncIterator[Captured]:
    """The mesh, once the client reaches the server with its identity."""
    config = folder / "config"
    config.mkdir()
    (config / "mesh.yaml").write_text("---\n".join(f"{json.dumps(each)}\n" for each in _documents()))
    async with AsyncExitStack() as stack:
        members = stack.enter_context(network(HOSTS))
        callers = {name: Caller(namespace, {**NAMES, "localhost": "127.0.0.1"}) for name, namespace in members.items()}
        for caller in callers.values():
            stack.push_async_callback(caller.close)
        for port, served in _SERVED.items():
            await stack.enter_async_context(served("server", members["server"].listen(port)))
        await stack.enter_async_context(http_server("stranger", members["stranger"].listen(HTTP)))
        processes = await stack.enter_async_context(Processes(folder))
        authority = open_authority(folder / "ca", TRUST_DOMAIN)
        await _serve(processes, members["hub"], folder)
        starter = _Starter(folder, envoy, processes, authority)
        await asyncio.gather(*(starter.sidecar(name, members[name]) for name in ("client", "server")))
        mesh = Captured(callers["client"], callers["server"], callers["stranger"], config)
        await mesh.until(lambda: sender(mesh.client, f"http://server:{HTTP}/"), _identity("client"))
        yield mesh


def _identity(name: str) -> str:
    return str(SpiffeId.of_workload(TRUST_DOMAIN, "default", name))


async def _serve(processes: Processes, hub: Namespace, folder: Path) -> None:
    monitoring = f"{GATEWAY}:15014"
    argv = (
        *(sys.executable, "-m", "xds.app.cli", "serve", "--config", str(folder / "config")),
        *("--ca-dir", str(folder / "ca"), "--secure-listen", f"{GATEWAY}:15012", "--monitoring-listen", monitoring),
    )
    here = {"PYTHONPATH": os.fspath(REPOSITORY)}
    child = await processes.start(Command("control plane", hub.command(*argv), REPOSITORY, here))
    async with _session(hub) as session:
        await await_ready(session, f"http://{monitoring}/ready", child)


@dataclass(frozen=True)
class _Starter:
    folder: Path
    envoy: Path
    processes: Processes
    authority: CertificateAuthority

    async def sidecar(self, name: str, namespace: Namespace) -> None:
        """Captures what a workload sends and receives, and starts the Envoy that it leads to."""
        svid = keyed_svid(self.authority, SpiffeId.of_workload(TRUST_DOMAIN, "default", name))
        chain, key = self.folder / f"{name}-chain.pem", self.folder / f"{name}-key.pem"
        chain.write_bytes(svid.chain)
        key.write_bytes(svid.key)
        tls = XdsTls(str(self.folder / "ca" / "root-cert.pem"), str(chain), str(key))
        spec = ProxySpec(name, "default", namespace.ip, service_account=name, labels={"app": name})
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(bootstrap(spec, f"{GATEWAY}:15012", ADMIN_PORT, tls=tls)))
        namespace.run(*CAPTURE)
        argv = namespace.command(*as_proxy(*envoy_argv(self.envoy, path)))
        child = await self.processes.start(Command(f"envoy of {name}", argv, self.folder))
        async with _session(namespace) as session:
            await await_ready(session, f"http://127.0.0.1:{ADMIN_PORT}/ready", child)


def _session(namespace: Namespace) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(socket_factory=lambda _: namespace.open_socket())
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=2))


def _documents() -> tuple[object, ...]:
    ports = {
        "http": HTTP,
        "guessed": GUESSED,
        "lines": GUESSED_LINES,
        "bytes": GUESSED_BYTES,
        "calls": GUESSED_CALLS,
        "mysql": DATABASE,
    }
    headless = {"http": HTTP, "guessed": GUESSED}
    return (
        _service("server", ports, clusterIP=NAMES["server"]),
        _service("pods", headless, clusterIP="None"),
        *(_pod(name, HOSTS[name]) for name in ("client", "server")),
    )


def _service(name: str, ports: Mapping[str, int], **more: object) -> object:
    listed = [{"name": name, "port": port} for name, port in ports.items()]
    return document("v1", "Service", name, {"selector": {"app": "server"}, "ports": listed, **more})


def _pod(name: str, ip: str) -> object:
    labels = {"app": name, "security.istio.io/tlsMode": "istio"}
    metadata = {"name": name, "namespace": "default", "labels": labels}
    spec = {"serviceAccountName": name}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {"podIP": ip}}
