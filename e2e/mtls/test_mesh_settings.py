"""``meshMTLS``: what both sides of a handshake offer and take."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

import pytest
import pytest_asyncio

from e2e.mtls.world import CLIENT, HTTP, REFUSED, World
from e2e.proofs import proves
from xds.ca.keyed import keyed_svid

pytestmark = pytest.mark.asyncio(loop_scope="session")

STRICT = {"mode": "STRICT"}


async def _handshakes(world: World, what: str) -> int:
    """How many of the client's proxy with the server came to this."""
    return await world.stat(world.client, rf"^cluster\.outbound.*\|server\..*ssl\.{what}$")


@dataclass(frozen=True)
class Old:
    """A caller of the server whose TLS is that of the day before yesterday: 1.2, and what ciphers a test says."""

    world: World
    context: ssl.SSLContext

    async def asks(self) -> str:
        """Who the server takes it for."""
        return await self.world.directly(f"https://{self.world.server.ip}:{HTTP}/", host="server", tls=self.context)


@pytest_asyncio.fixture(loop_scope="session")
async def old(world: World) -> AsyncIterator[Old]:
    """Is let in before a test, and again after it."""
    world.policy(mtls=STRICT)
    context = world.tls(keyed_svid(world.authority, CLIENT))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    caller = Old(world, context)
    await world.until(caller.asks, str(CLIENT))
    yield caller
    world.configure("")
    context.set_ciphers("DEFAULT")
    await world.until(caller.asks, str(CLIENT))


@proves("MeshConfig", "meshMTLS.minProtocolVersion", "meshMTLS.ecdhCurves")
async def test_the_least_version_and_the_curves(world: World, old: Old) -> None:
    await world.until(partial(world.by_proxy, HTTP), str(CLIENT))
    assert await _handshakes(world, "versions.TLSv1.3")
    world.configure("meshMTLS: {minProtocolVersion: TLSV1_3, ecdhCurves: [P-384]}")
    await world.until(old.asks, REFUSED)

    async def on_the_curve() -> str:
        sender = await world.by_proxy(HTTP)
        return sender if await _handshakes(world, "curves.P-384") else "not yet"

    await world.until(on_the_curve, str(CLIENT))
    other = world.tls(keyed_svid(world.authority, CLIENT))
    other.set_ecdh_curve("prime256v1")
    assert await world.directly(f"https://{world.server.ip}:{HTTP}/", host="server", tls=other) == REFUSED


@proves("MeshConfig", "meshMTLS.cipherSuites")
async def test_the_cipher_suites(world: World, old: Old) -> None:
    chosen, other = "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"
    old.context.set_ciphers(other)
    assert await old.asks() == str(CLIENT)
    world.configure(f"meshMTLS: {{cipherSuites: [{chosen}]}}")
    await world.until(old.asks, REFUSED)
    old.context.set_ciphers(chosen)
    assert await old.asks() == str(CLIENT)
