"""Applications ask for a host outside, in plain HTTP or in TLS; the server outside is asked in TLS, by the gateway."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.addresses import Addresses
from e2e.egress.configuration import (
    CLIENT_TLS_PORT,
    HOST,
    LABELS,
    Document,
    client_scope,
    recipe,
    recipe_for_tls,
    workload,
)
from e2e.egress.outside import CERTIFICATES, Outside, outside
from e2e.gateway.tls_client import REFUSALS, Caller, dialled
from e2e.lab import Lab, Sidecar, new_lab
from e2e.proofs import proves
from e2e.sidecar.world import who
from examples.bookinfo.topology import PROXY_HTTP_PORT
from xds.app.demo.shop import Answer, fetch

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIMPLE = {"mode": "SIMPLE", "caCertificates": str(CERTIFICATES / "ca.pem")}
MUTUAL = {
    **SIMPLE,
    "mode": "MUTUAL",
    "clientCertificate": str(CERTIFICATES / "client.pem"),
    "privateKey": str(CERTIFICATES / "client.key"),
}


@dataclass(frozen=True)
class Edge:
    """A client, the egress gateway, and a server outside."""

    lab: Lab
    client: Sidecar
    gateway: Sidecar

    def write(
        self, server: Outside, tls: Mapping[str, str], policy: str = "ALLOW_ANY", *, without_gateway: bool = False
    ) -> None:
        """Writes Istio's recipe for the server, and what the client may call."""
        gateway = () if without_gateway else (workload(self.gateway.ip),)
        self._write(*recipe(self.gateway.ip, server.address, tls), *gateway, client_scope(policy))

    def write_for_tls(self, server: Outside, bind: str, *, without_gateway: bool = False) -> None:
        """The same for TLS that the application speaks itself. bind: where the client's sidecar takes it."""
        gateway = () if without_gateway else (workload(self.gateway.ip),)
        self._write(
            *recipe_for_tls(self.gateway.ip, server.address), *gateway, client_scope("REGISTRY_ONLY", bind=bind)
        )

    def _write(self, *documents: Document) -> None:
        self.lab.write("recipe.yaml", "---\n".join(f"{json.dumps(each)}\n" for each in documents))

    async def ask(self, url: str = f"http://{HOST}/") -> Answer:
        """What the client's application is answered, which knows no TLS."""
        return await fetch(self.lab.session, url, {}, f"http://{self.client.ip}:{PROXY_HTTP_PORT}")

    async def until_answered(self, expected: str) -> None:
        """Waits until it is answered so."""
        deadline = time.monotonic() + 15
        while (seen := who(await self.ask())) != expected:
            assert time.monotonic() < deadline, f"answered by {seen}"
            await asyncio.sleep(0.02)

    async def passed_on(self, proxy: Sidecar) -> bool:
        """Whether a proxy has sent anything to the server outside itself."""
        text = await proxy.admin(f"/stats?filter=^cluster.outbound.*{HOST}.upstream_cx_total$")
        return any(not line.endswith(" 0") for line in text.splitlines())


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def edge(tmp_path_factory: pytest.TempPathFactory, envoy: Path, addresses: Addresses) -> AsyncIterator[Edge]:
    async with new_lab(tmp_path_factory.mktemp("egress"), envoy, addresses) as lab:
        lab.write("nothing.yaml", "")
        await lab.serve()
        client, gateway = await asyncio.gather(lab.sidecar("client", {"app": "client"}), lab.gateway("egress", LABELS))
        yield Edge(lab, client, gateway)


async def test_plain_requests_leave_the_mesh_in_tls(edge: Edge) -> None:
    async with outside(edge.lab.addresses.new()) as server:
        edge.write(server, SIMPLE)
        await edge.until_answered("outside")
        assert server.names == {HOST}
        assert await edge.passed_on(edge.gateway)
        assert not await edge.passed_on(edge.client)


async def test_the_gateway_shows_a_certificate_if_the_server_wants_one(edge: Edge) -> None:
    async with outside(edge.lab.addresses.new(), mutual=True) as server:
        edge.write(server, SIMPLE)
        await edge.until_answered("503")
        edge.write(server, MUTUAL)
        await edge.until_answered("outside")


@proves("Sidecar", "spec.outboundTrafficPolicy.mode")
async def test_there_is_no_way_around_the_gateway(edge: Edge) -> None:
    """Without the gateway nothing reaches the server, and what nobody declares reaches nobody."""
    async with outside(edge.lab.addresses.new()) as server:
        edge.write(server, SIMPLE, "REGISTRY_ONLY")
        await edge.until_answered("outside")
        assert who(await edge.ask("http://other.example.com/")) == "502"
        seen = server.connections
        edge.write(server, SIMPLE, "REGISTRY_ONLY", without_gateway=True)
        await edge.until_answered("503")
        assert (server.connections, await edge.passed_on(edge.client)) == (seen, False)


async def test_tls_of_an_application_is_passed_on_by_its_server_name(edge: Edge) -> None:
    """From the client's sidecar to the gateway, and from there to the server; and nowhere under another name."""
    bind = edge.lab.addresses.new()
    caller = Caller((CERTIFICATES / "ca.pem").read_text())

    async def told(name: str) -> str:
        try:
            async with dialled(bind, CLIENT_TLS_PORT, name, caller) as conversation:
                return (await conversation.get(name)).body
        except REFUSALS:
            return ""

    async def until_told(expected: bool) -> None:
        deadline = time.monotonic() + 15
        while ("outside" in await told(HOST)) is not expected:
            assert time.monotonic() < deadline, f"{HOST} is not answered as expected"
            await asyncio.sleep(0.02)

    async with outside(edge.lab.addresses.new()) as server:
        edge.write_for_tls(server, bind)
        await until_told(True)
        assert server.names == {HOST}
        assert await edge.passed_on(edge.gateway)
        assert not await edge.passed_on(edge.client)
        assert await told("other.example.com") == ""
        assert server.names == {HOST}
        edge.write_for_tls(server, bind, without_gateway=True)
        await until_told(False)
        assert not await edge.passed_on(edge.client)
