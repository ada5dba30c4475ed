"""ISTIO_MUTUAL: a gateway with the mesh's own certificates, which the control plane is asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.addresses import Addresses
from e2e.gateway.backends import pem_file
from e2e.gateway.documents import connection_routes, gateway, https_routes, server, to
from e2e.gateway.identity import MESH
from e2e.gateway.tls_client import REFUSALS, Caller
from e2e.gateway.yard import PLAIN_PORT, Yard, new_yard, received

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHOP, LINES = "shop.example.com", "lines.example.com"
CLIENT = "spiffe://cluster.local/ns/default/sa/client"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def in_mesh(tmp_path_factory: pytest.TempPathFactory, envoy: Path, addresses: Addresses) -> AsyncIterator[Yard]:
    options = ("--translators", "e2e.gateway.identity:TRANSLATORS")
    async with new_yard(tmp_path_factory.mktemp("in-mesh"), envoy, addresses, *options) as yard:
        yield yard


def workload(yard: Yard, *alpn: str) -> Caller:
    """A client with a certificate of the mesh."""
    path = pem_file(MESH.issue("client", CLIENT), yard.lab.folder / "workload.pem")
    return Caller(MESH.pem, path, alpn, names=False)


async def test_requests(in_mesh: Yard) -> None:
    port = in_mesh.ports()
    listening = server(port, "HTTPS", [SHOP], {"mode": "ISTIO_MUTUAL"}, in_mesh.front)
    in_mesh.write("requests", gateway("requests", listening), https_routes("requests", ["requests"], [SHOP]))
    await in_mesh.serves(port, SHOP, workload(in_mesh))

    told = received(await in_mesh.get(port, SHOP, caller=workload(in_mesh)))["x-forwarded-client-cert"]
    assert f"URI={CLIENT}" in told
    assert await in_mesh.refused(port, SHOP, Caller(MESH.pem, names=False))
    assert await in_mesh.refused(port, SHOP, in_mesh.caller("eve", names=False))


async def test_connections(in_mesh: Yard) -> None:
    port = in_mesh.ports()
    listening = server(port, "TLS", [LINES], {"mode": "ISTIO_MUTUAL"}, in_mesh.front)
    routes = connection_routes("connections", ["connections"], [LINES], tcp=[to("lines", PLAIN_PORT)])
    in_mesh.write("connections", gateway("connections", listening), routes)

    async def answers() -> bool:
        try:
            return (await in_mesh.line(port, LINES, workload(in_mesh, "istio")))[0] == "plain: hello"
        except REFUSALS:
            return False

    await in_mesh.until(answers, "an answer")
