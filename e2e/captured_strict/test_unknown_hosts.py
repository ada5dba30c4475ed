"""What becomes of calls of hosts that the mesh does not know, and of callers that it does not know."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from e2e.captured_strict.topology import (
    GUESSED,
    GUESSED_LINES,
    HTTP,
    LINES,
    MESH_CONFIG,
    SERVERS,
    UNDECLARED,
    UNDECLARED_GREETING,
)
from e2e.captured_strict.world import Strict, identity, sender
from e2e.mtls.world import NOBODY, REFUSED
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNKNOWN = "unknown.example.com"
PORTS = pytest.mark.parametrize("port", [HTTP, UNDECLARED], ids=["a port of the mesh", "a port of its own"])


@pytest_asyncio.fixture(loop_scope="session")
async def registry_only(mesh: Strict) -> AsyncIterator[Strict]:
    """The whole mesh, for the time of a test."""
    allowing = MESH_CONFIG.read_text()
    mesh.configure(allowing.replace("ALLOW_ANY", "REGISTRY_ONLY"))
    await mesh.until(lambda: sender(mesh.client, f"http://{UNKNOWN}:{HTTP}/"), "502")
    yield mesh
    mesh.configure(allowing)
    await mesh.until(lambda: sender(mesh.client, f"http://{UNKNOWN}:{HTTP}/"), NOBODY)
    await mesh.until(lambda: mesh.client.say(UNKNOWN, 8081, "hello"), ["outside hello"])


@PORTS
async def test_allow_any_passes_requests_through_without_the_mesh_s_tls(mesh: Strict, port: int) -> None:
    reply = await mesh.client.get(f"http://{UNKNOWN}:{port}/")

    assert (reply.instance, reply.saw("host")) == ("outside", f"{UNKNOWN}:{port}")
    assert await sender(mesh.client, f"http://{UNKNOWN}:{port}/") == NOBODY


async def test_allow_any_passes_connections_through_even_if_the_server_speaks_first(mesh: Strict) -> None:
    assert await mesh.client.listen_first(UNKNOWN, UNDECLARED_GREETING, "hello") == [
        "welcome to outside",
        "outside hello",
    ]


@proves("Sidecar", "spec.outboundTrafficPolicy.mode")
async def test_registry_only_of_a_sidecar(mesh: Strict) -> None:
    assert await sender(mesh.guest, f"http://{UNKNOWN}:{HTTP}/") == "502"
    assert await mesh.guest.say(UNKNOWN, UNDECLARED_GREETING, "hello") == []
    assert await sender(mesh.guest, f"http://server:{HTTP}/") == identity("guest")


@proves("MeshConfig", "outboundTrafficPolicy.mode")
async def test_registry_only_of_the_whole_mesh(registry_only: Strict) -> None:
    mesh = registry_only

    await mesh.until(lambda: mesh.client.say(UNKNOWN, UNDECLARED_GREETING, "hello"), [])
    assert await sender(mesh.client, f"http://{UNKNOWN}:{UNDECLARED}/") == REFUSED
    assert await sender(mesh.client, f"http://server:{HTTP}/") == identity("client")
    assert await sender(mesh.client, "http://static.example.com/") == NOBODY


@pytest.mark.parametrize("server", SERVERS)
async def test_whoever_is_not_of_the_mesh_is_refused_at_every_port(mesh: Strict, server: str) -> None:
    for port in (HTTP, GUESSED, UNDECLARED):
        assert await sender(mesh.outside, f"http://{server}.address:{port}/") == REFUSED
    for port in (LINES, GUESSED_LINES, UNDECLARED_GREETING):
        assert await mesh.outside.say(f"{server}.address", port, "hello") == []
