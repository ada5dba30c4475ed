"""The running mesh from the applications' side: everyone's own, what is explained for it, and what passes between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from socket import AF_INET, AF_INET6

import aiohttp

from e2e.capture.caller import Caller
from e2e.capture.servers import http_server
from e2e.captured_strict.topology import HTTP, MEMBERS, NAMES, OUTSIDE_TLS, PLAN, SECURE, SERVED, SHOP
from e2e.captured_strict.witness import Witness
from e2e.explained import Explained
from e2e.gateway.backends import server_context
from e2e.gateway.documents import secret, text
from e2e.mtls.world import NOBODY, REFUSED, TRUST_DOMAIN, identities
from e2e.netmesh import NetMesh, netmesh
from e2e.waiting import answered
from e2e.wire import Wire, tapped
from tests.certificates import Authority
from xds.app.demo.plan import ADMIN_PORT
from xds.model.identity import SpiffeId

_LIVE_SECONDS = 20.0


@dataclass(frozen=True)
class Strict:
    """callers: everyone's application by name, those outside of the mesh too. wire: all that has passed the bridge so
    far. authority: who vouches for servers outside and at the ingress gateway."""

    mesh: NetMesh
    callers: Mapping[str, Caller]
    explained: Explained
    wire: Wire
    authority: Authority

    @property
    def client(self) -> Caller:
        """The application that policies speak of."""
        return self.callers["client"]

    @property
    def guest(self) -> Caller:
        """Another one, whose sidecar knows REGISTRY_ONLY."""
        return self.callers["guest"]

    @property
    def outside(self) -> Caller:
        """Has no sidecar, and no identity."""
        return self.callers["outside"]

    def write(self, name: str, text: str) -> None:
        """Writes a file of the configuration."""
        self.mesh.write(name, text)
        self.explained.record()

    def configure(self, settings: str) -> None:
        """Writes the MeshConfig."""
        self.mesh.configure(settings)
        self.explained.record()

    async def stat(self, proxy: str, pattern: str) -> int:
        """The sum of a proxy's counters whose names match."""
        body = (await self.callers[proxy].get(f"http://localhost:{ADMIN_PORT}/stats?filter={pattern}")).body
        return sum(int(line.rpartition(" ")[2]) for line in body.splitlines())

    async def until(self, ask: Callable[[], Awaitable[object]], expected: object) -> None:
        """Waits until this is the answer."""
        await answered(ask, expected, _LIVE_SECONDS)


def identity(member: str) -> str:
    """Who a member of the mesh is."""
    found = next(each for each in MEMBERS if each.name == member)
    return str(SpiffeId.of_workload(TRUST_DOMAIN, found.namespace, found.account))


async def sender(caller: Caller, url: str, headers: Mapping[str, str] | None = None) -> str:
    """Whom the server takes the sender of a request for: SPIFFE IDs, nobody; or the status of who else answered, or
    that nobody did."""
    try:
        reply = await caller.get(url, {**(headers or {}), "connection": "close"})
    except (aiohttp.ClientError, ConnectionError):  # and no timeout: whoever refuses says so
        return REFUSED
    if not reply.received:
        return str(reply.status)
    return identities(reply.saw("x-forwarded-client-cert") or "") or NOBODY


@asynccontextmanager
async def strict_mesh(folder: Path, envoy: Path) -> AsyncIterator[Strict]:
    """Makes everything, and waits until the client reaches the servers with its identity, and hosts outside."""
    authority = Authority("servers")
    async with AsyncExitStack() as stack:
        mesh = await stack.enter_async_context(netmesh(folder, envoy, PLAN))
        mesh.write("secrets.yaml", _secrets(authority))
        wire = await stack.enter_async_context(tapped(mesh.hub))
        callers = {name: Caller(namespace, NAMES) for name, namespace in mesh.members.items()}
        for caller in callers.values():
            stack.push_async_callback(caller.close)
        for name, ports in SERVED.items():
            for port, server in ports.items():
                for family in (AF_INET, AF_INET6):
                    await stack.enter_async_context(server(name, mesh.members[name].listen(port, family)))
        tls = server_context(authority.issue(SECURE), folder)
        await stack.enter_async_context(http_server("outside", mesh.members["outside"].listen(OUTSIDE_TLS), tls))
        explained = Explained(mesh.configuration, mesh.mesh_config)
        made = Strict(mesh, callers, explained, wire, authority)
        for url in (f"http://server:{HTTP}/", f"http://{SECURE}/"):
            await made.until(partial(sender, made.client, url), identity("client"))
        for member in PLAN.members:
            if member.capture is not None:
                callers[member.name].witness = Witness(explained, member.name)
        yield made


def _secrets(authority: Authority) -> str:
    """The ingress gateway's certificate, and by whose authority the egress gateway knows the server outside."""
    named = {"shop": secret("shop", authority.issue(SHOP)), "outside": secret("outside", cacert=authority.pem)}
    return text(*({**each, "metadata": {"name": name, "namespace": "istio-system"}} for name, each in named.items()))
