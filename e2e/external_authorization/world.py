"""A workload behind a sidecar and a gateway in front of it, whose requests are decided on by services of the mesh.

Everything is configured once: requests say by the beginning of their paths which provider they are for.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from e2e.addresses import Addresses
from e2e.echo import echo_server
from e2e.explained import Explained
from e2e.external_authorization.authorizer import BODY, Authorizer, grpc_authorizer, http_authorizer
from e2e.external_authorization.documents import GATEWAY, HTTP, TCP, mesh_config, mesh_documents
from e2e.external_authorization.witness import REACHED, REFUSED, End, Witness
from e2e.lab import Lab, Sidecar, new_lab
from e2e.waiting import happened
from xds.app.explain.proxies import Named
from xds.app.explain.sender import Sender
from xds.app.explain.target import Asked
from xds.model.proxy import CaptureMode, ProxyType

_READY_SECONDS = 20.0
_SERVER = Named("server", "default", capture=CaptureMode.NONE, asked=True)
_GATEWAY = Named("gateway", "default", ProxyType.ROUTER)


@dataclass(frozen=True)
class Answer:
    """What came back. received: the headers that the workload got, in lower case; None if it did not."""

    status: int
    headers: Mapping[str, str]
    body: str
    received: Mapping[str, str] | None

    @property
    def end(self) -> End:
        """What became of the request. A service that refuses says so in its own words."""
        if self.received is not None:
            return REACHED
        return REFUSED if self.body == BODY else self.status


@dataclass(frozen=True)
class World:
    """All that runs. grpc, http: the services that decide. What comes back is compared with what is explained, but for
    requests with bodies, of which nothing is told."""

    lab: Lab
    server: Sidecar
    gateway: Sidecar
    grpc: Authorizer
    http: Authorizer
    witness: Witness

    async def ask(self, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
        """A request to the workload."""
        answer = await _send(f"http://{self.server.ip}:{HTTP}{path}", headers or {}, body)
        if body is None:
            asked = Asked("GET", f"http://{self.server.ip}:{HTTP}{path}", tuple((headers or {}).items()))
            self.witness.check(_SERVER, asked, answer.end)
        return answer

    async def ask_gateway(self, path: str) -> Answer:
        """A request to the gateway."""
        url = f"http://{self.gateway.ip}:{GATEWAY}{path}"
        answer = await _send(url, {}, None)
        self.witness.check(_GATEWAY, Asked("GET", url), answer.end)
        return answer

    async def connect(self, source: str) -> bool:
        """Whether a connection to the port that is not for HTTP, from this address, is answered."""
        answered = await self._connect(source)
        asked = Asked("", f"tcp://{self.server.ip}:{TCP}", sender=Sender(source_ip=source))
        self.witness.check(_SERVER, asked, REACHED if answered else REFUSED)
        return answered

    async def _connect(self, source: str) -> bool:
        reader, writer = await asyncio.open_connection(self.server.ip, TCP, local_addr=(source, 0))
        try:
            writer.write(b"GET / HTTP/1.1\r\nhost: server\r\nconnection: close\r\n\r\n")
            async with asyncio.timeout(_READY_SECONDS):
                return (await reader.read()).startswith(b"HTTP/1.1 200 OK")
        except ConnectionError:
            return False
        finally:
            writer.close()


async def _send(url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
    """On a connection of its own."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.request("GET" if body is None else "POST", url, headers=headers, data=body) as response,
    ):
        text = await response.text()
        received = json.loads(text)["headers"] if text.startswith("{") else None
        lower = {name.lower(): value for name, value in received.items()} if received is not None else None
        return Answer(response.status, response.headers, text, lower)


async def until(is_so: Callable[[], Awaitable[bool]], what: str) -> None:
    """Waits for something that must happen."""
    await happened(is_so, what, _READY_SECONDS)


@asynccontextmanager
async def new_world(folder: Path, envoy: Path, addresses: Addresses) -> AsyncIterator[World]:
    """A mesh in which every policy is in force."""
    async with new_lab(folder, envoy, addresses) as lab:
        server, gateway, grpc, http, nobody = (addresses.new() for _ in range(5))
        workload = await lab.stack.enter_async_context(echo_server("server", "127.0.0.1"))
        authorizers = (
            await lab.stack.enter_async_context(grpc_authorizer(grpc, 9000)),
            await lab.stack.enter_async_context(http_authorizer(http, 8000)),
        )
        file = folder / "mesh.yaml"
        file.write_text(json.dumps(mesh_config()))
        documents = mesh_documents(server, gateway, workload, grpc, http, nobody)
        lab.write("mesh.yaml", "---\n".join(f"{json.dumps(each)}\n" for each in documents))
        await lab.serve(mesh_config=file)
        world = World(
            lab,
            await lab.sidecar("server", {"app": "server"}, ip=server),
            await lab.gateway("gateway", {"istio": "ingressgateway"}, ip=gateway),
            *authorizers,
            Witness(Explained(lab.config, file)),
        )
        await until(lambda: _answers(world.ask, "/free", 200), "the workload")
        await until(lambda: _answers(world.ask_gateway, "/free", 200), "the gateway")
        yield world


async def _answers(ask: Callable[[str], Awaitable[Answer]], path: str, status: int) -> bool:
    try:
        return (await ask(path)).status == status
    except aiohttp.ClientError:
        return False
