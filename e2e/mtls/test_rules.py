"""What a DestinationRule makes of mutual TLS that would come about by itself, and whom a client takes for a service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from e2e.mtls.world import CLIENT, HTTP, NETWORKING, NOBODY, REFUSED, World, document
from e2e.proofs import proves
from xds.ca.keyed import keyed_svid

pytestmark = pytest.mark.asyncio(loop_scope="session")

STRICT, PERMISSIVE = ({"mode": mode} for mode in ("STRICT", "PERMISSIVE"))
SERVER = "spiffe://cluster.local/ns/default/sa/server"


@asynccontextmanager
async def ruled(world: World, **policy: object) -> AsyncIterator[None]:
    """A rule for the server, for as long as the context is open."""
    _write_rule(world, **policy)
    try:
        yield
    finally:
        world.write("rule")
        await world.until(partial(world.by_proxy, HTTP), str(CLIENT))


def _write_rule(world: World, **policy: object) -> None:
    world.write("rule", document(NETWORKING, "DestinationRule", "server", {"host": "server", "trafficPolicy": policy}))


@proves("DestinationRule", "spec.trafficPolicy.tls.mode")
async def test_plain_text_is_refused_by_strict_and_taken_by_permissive(world: World) -> None:
    world.policy(mtls=STRICT)
    async with ruled(world, tls={"mode": "DISABLE"}):
        await world.until(partial(world.by_proxy, HTTP), REFUSED)
        world.policy(mtls=PERMISSIVE)
        await world.until(partial(world.by_proxy, HTTP), NOBODY)


@proves(
    "DestinationRule",
    "spec.trafficPolicy.tls.mode",
    "spec.trafficPolicy.tls.clientCertificate",
    "spec.trafficPolicy.tls.privateKey",
)
async def test_other_tls_is_taken_by_strict_if_it_shows_a_certificate_of_the_mesh(world: World, tmp_path: Path) -> None:
    world.policy(mtls=STRICT)
    simple = {
        "caCertificates": str(world.lab.folder / "ca" / "root-cert.pem"),
        "subjectAltNames": [SERVER],
        "mode": "SIMPLE",
    }
    svid = keyed_svid(world.authority, CLIENT)
    files = {"clientCertificate": svid.chain, "privateKey": svid.key}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    own = {name: str(tmp_path / name) for name in files}
    async with ruled(world, tls=simple):
        await world.until(partial(world.by_proxy, HTTP), REFUSED)
        _write_rule(world, tls={**simple, **own, "mode": "MUTUAL"})
        await world.until(partial(world.by_proxy, HTTP), str(CLIENT))


@proves("DestinationRule", "spec.trafficPolicy.portLevelSettings.tls.mode")
async def test_a_port_has_settings_of_its_own(world: World) -> None:
    world.policy(mtls=STRICT)
    level = {"port": {"number": HTTP}, "tls": {"mode": "ISTIO_MUTUAL"}}
    async with ruled(world, tls={"mode": "DISABLE"}, portLevelSettings=[level]):
        await world.until(partial(world.by_proxy, HTTP + 1), REFUSED)
        assert await world.by_proxy(HTTP) == str(CLIENT)


@proves("MeshConfig", "enableAutoMtls")
async def test_nobody_uses_tls_by_himself_if_the_mesh_says_so(world: World) -> None:
    world.policy(mtls=STRICT)
    world.configure("enableAutoMtls: false")
    await world.until(partial(world.by_proxy, HTTP), REFUSED)
    async with ruled(world, tls={"mode": "ISTIO_MUTUAL"}):
        await world.until(partial(world.by_proxy, HTTP), str(CLIENT))
        world.configure("")


@proves("WorkloadEntry", "spec.serviceAccount")
@proves("DestinationRule", "spec.trafficPolicy.tls.subjectAltNames")
async def test_an_endpoint_of_another_service_account_is_not_believed(world: World) -> None:
    """The server answers at the address of an endpoint that is said to be somebody else's."""
    world.policy(mtls=STRICT)
    labels = {"app": "imposed", "security.istio.io/tlsMode": "istio"}
    entry = {"address": world.server.ip, "labels": labels, "serviceAccount": "somebody"}
    service = {"selector": {"app": "imposed"}, "ports": [{"name": "http", "port": HTTP}]}
    mesh = (document("v1", "Service", "imposed", service), document(NETWORKING, "WorkloadEntry", "imposed", entry))
    ask = partial(world.asked, f"http://imposed:{HTTP}/")
    world.write("imposed", *mesh)

    async def refusals() -> str:
        assert await ask() == REFUSED
        return "seen" if await world.stat(world.client, r"^cluster\..*imposed.*fail_verify_san$") else "not yet"

    await world.until(refusals, "seen")
    named = {"host": "imposed", "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL", "subjectAltNames": [SERVER]}}}
    world.write("imposed", *mesh, document(NETWORKING, "DestinationRule", "imposed", named))
    await world.until(ask, str(CLIENT))
    world.write("imposed")
