"""Ways into a mesh that takes nothing but its own TLS: by a gateway, whose identity it is that workloads see."""

from __future__ import annotations

import ssl

import aiohttp
import pytest

from e2e.captured_strict.topology import HTTP, IPS, LINES, SERVERS, SHOP, VAULT
from e2e.captured_strict.world import Strict, identity, sender
from e2e.mtls.world import NOBODY, REFUSED, TRUST_DOMAIN, identities
from e2e.proofs import proves
from tests.certificates import Authority
from xds.app.security import open_authority
from xds.ca.keyed import KeyedSvid, keyed_svid
from xds.model.identity import SpiffeId

pytestmark = pytest.mark.asyncio(loop_scope="session")

PLAIN, TLS, MUTUAL = 8080, 8443, 8444
GATEWAY = IPS["ingressgateway"]


async def asked(mesh: Strict, port: int, context: ssl.SSLContext | None = None) -> str:
    """Whom a server takes for the sender of a request that comes by the gateway."""
    scheme = "https" if context is not None else "http"
    try:
        async with (
            mesh.mesh.session(mesh.mesh.members["outside"]) as session,
            session.get(
                f"{scheme}://{GATEWAY}:{port}/", headers={"host": SHOP}, ssl=context or True, server_hostname=SHOP
            ) as response,
        ):
            received = await response.json()
    except aiohttp.ClientError:
        return REFUSED
    assert received["instance"] in SERVERS
    return identities(received["headers"]["x-forwarded-client-cert"]) or NOBODY


def visitor(trusted: Authority) -> ssl.SSLContext:
    """TLS of somebody who checks the shop's certificate."""
    return ssl.create_default_context(cadata=trusted.pem)


def member(mesh: Strict, svid: KeyedSvid | None) -> ssl.SSLContext:
    """TLS of somebody who shows a certificate of this kind, if any."""
    context = ssl.create_default_context(cafile=mesh.mesh.folder / "ca" / "root-cert.pem")
    context.check_hostname = False
    if svid is not None:
        file = mesh.mesh.folder / "member.pem"
        file.touch(mode=0o600)
        file.write_bytes(svid.key + svid.chain)
        context.load_cert_chain(file)
    return context


@proves("Gateway", "spec.servers.tls.mode", "spec.servers.tls.credentialName")
async def test_visitors_come_in_by_tls_with_the_shop_s_certificate(mesh: Strict) -> None:
    await mesh.until(lambda: asked(mesh, TLS, visitor(mesh.authority)), identity("ingressgateway"))

    assert await asked(mesh, TLS, visitor(Authority("others"))) == REFUSED
    assert await asked(mesh, TLS) == REFUSED


async def test_visitors_come_in_by_plain_http(mesh: Strict) -> None:
    assert await asked(mesh, PLAIN) == identity("ingressgateway")


@proves("Gateway", "spec.servers.tls.mode")
async def test_a_mutual_server_is_for_members_of_the_mesh(mesh: Strict) -> None:
    who = SpiffeId.of_workload(TRUST_DOMAIN, "default", "caller")
    own = keyed_svid(open_authority(mesh.mesh.folder / "ca", TRUST_DOMAIN), who)
    other = keyed_svid(open_authority(mesh.mesh.folder / "other-ca", TRUST_DOMAIN), who)

    assert await asked(mesh, MUTUAL, member(mesh, own)) == f"{who} > {identity('ingressgateway')}"
    assert await asked(mesh, MUTUAL, member(mesh, other)) == REFUSED
    assert await asked(mesh, MUTUAL, member(mesh, None)) == REFUSED
    assert await asked(mesh, MUTUAL) == REFUSED


async def test_connections_come_in(mesh: Strict) -> None:
    (answer,) = await mesh.outside.say("ingressgateway.address", LINES, "hello")

    assert answer in [f"{name} hello" for name in SERVERS]


@proves("Gateway", "spec.servers.tls.mode")
async def test_tls_of_members_goes_on_to_the_service_that_its_server_name_says(mesh: Strict) -> None:
    """It ends at the workload, which sees the client and no gateway."""
    reply = await mesh.client.get(f"http://remote.example.com:{HTTP}/")

    assert reply.instance in SERVERS
    assert await sender(mesh.client, f"http://remote.example.com:{HTTP}/") == identity("client")
    assert await mesh.stat("ingressgateway", r"^cluster\.outbound_.9080_._.server.*upstream_cx_total$") > 0


@proves("AuthorizationPolicy", "spec.rules.when.key", "spec.rules.when.values")
async def test_a_gateway_refuses_server_names_though_it_does_not_end_tls(mesh: Strict) -> None:
    assert await mesh.client.say("remote.example.com", VAULT, "hello") == []
    assert len(await mesh.client.say("server", VAULT, "hello")) == 1
