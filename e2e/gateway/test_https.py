"""HTTPS servers: certificates by server name, redirects, versions and cipher suites, and servers that wait."""

from __future__ import annotations

import ssl

import pytest

from e2e.gateway.documents import gateway, https_routes, secret, server
from e2e.gateway.tls_client import dialled
from e2e.gateway.yard import Yard, instance, received
from e2e.proofs import proves
from tests.certificates import rsa_key

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHOP, API = "shop.example.com", "api.example.com"


def simple(credential: str, **more: object) -> dict[str, object]:
    return {"mode": "SIMPLE", "credentialName": credential, **more}


@proves("Gateway", "spec.servers.tls.mode", "spec.servers.tls.credentialName", "spec.servers.port.name")
async def test_servers_of_a_port_are_told_apart_by_server_name(yard: Yard) -> None:
    port = yard.ports()
    servers = (server(port, "HTTPS", [name], simple(name), yard.front) for name in (SHOP, API))
    routes = (https_routes("shop", ["names"], [SHOP], "v1"), https_routes("api", ["names"], [API], "v2"))
    yard.write("names", gateway("names", *servers), *routes, yard.certificate(SHOP), yard.certificate(API))
    await yard.serves(port, SHOP)
    await yard.serves(port, API)

    for name, version in ((SHOP, "v1"), (API, "v2")):
        async with dialled(yard.front, port, name, yard.caller(alpn=("h2", "http/1.1"))) as conversation:
            assert (conversation.certificate, conversation.tls.selected_alpn_protocol()) == (name, "h2")
        assert instance(await yard.get(port, name)) == version
    assert await yard.refused(port, "unknown.example.com")
    assert "x-forwarded-client-cert" not in received(await yard.get(port, SHOP))


@proves("Gateway", "spec.servers.tls.httpsRedirect")
async def test_plain_text_is_sent_to_https(yard: Yard) -> None:
    port = yard.ports()
    redirecting = server(port, "HTTP", ["*.example.com"], {"httpsRedirect": True}, yard.front)
    yard.write("redirect", gateway("redirect", redirecting), https_routes("redirected", ["redirect"], [SHOP]))

    async def redirects() -> bool:
        try:
            return (await yard.plain(port, SHOP, "/a?b=c")).status == 301
        except ConnectionError:
            return False

    await yard.until(redirects, "a redirect")
    for host in (SHOP, "without-routes.example.com"):
        reply = await yard.plain(port, host, "/a?b=c")
        assert (reply.status, reply.headers["location"]) == (301, f"https://{host}/a?b=c")
    assert (await yard.plain(port, "elsewhere.example.org")).status == 404


@proves("Gateway", "spec.servers.tls.minProtocolVersion", "spec.servers.tls.maxProtocolVersion")
async def test_versions_of_tls(yard: Yard) -> None:
    port = yard.ports()
    new = server(port, "HTTPS", [SHOP], simple("versions", minProtocolVersion="TLSV1_3"), yard.front)
    old = server(port, "HTTPS", [API], simple("versions", maxProtocolVersion="TLSV1_2"), yard.front)
    routes = https_routes("versions", ["versions"], [SHOP, API])
    yard.write("versions", gateway("versions", new, old), routes, yard.certificate("versions", SHOP, API))
    await yard.serves(port, SHOP)
    await yard.serves(port, API)

    before = yard.caller(versions=(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2))
    assert await yard.refused(port, SHOP, before)
    assert instance(await yard.get(port, API, caller=before)) == "v1"
    for name, version in ((SHOP, "TLSv1.3"), (API, "TLSv1.2")):
        async with dialled(yard.front, port, name, yard.caller()) as conversation:
            assert conversation.tls.version() == version
    ancient = yard.caller(versions=(ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_1), ciphers="ALL:@SECLEVEL=0")
    assert await yard.refused(port, API, ancient)


@proves("Gateway", "spec.servers.tls.cipherSuites")
async def test_cipher_suites(yard: Yard) -> None:
    port = yard.ports()
    chosen = "ECDHE-ECDSA-AES256-GCM-SHA384"
    tls = simple("ciphers", cipherSuites=[chosen], maxProtocolVersion="TLSV1_2")
    documents = (gateway("ciphers", server(port, "HTTPS", [SHOP], tls, yard.front)), yard.certificate("ciphers", SHOP))
    yard.write("ciphers", *documents, https_routes("ciphers", ["ciphers"], [SHOP]))
    await yard.serves(port, SHOP)

    async with dialled(yard.front, port, SHOP, yard.caller()) as conversation:
        assert (conversation.tls.cipher() or ("",))[0] == chosen
    assert await yard.refused(port, SHOP, yard.caller(ciphers="ECDHE-ECDSA-AES128-GCM-SHA256"))


@proves("Gateway", "spec.servers.tls.credentialNames")
async def test_two_certificates_for_clients_of_either_kind(yard: Yard) -> None:
    port = yard.ports()
    rsa = secret("of-rsa", yard.authority.issue("of-rsa", SHOP, key=rsa_key()))
    tls = {"mode": "SIMPLE", "credentialNames": ["of-rsa", "of-ecdsa"], "maxProtocolVersion": "TLSV1_2"}
    listening = gateway("two", server(port, "HTTPS", [SHOP], tls, yard.front))
    yard.write("two", listening, https_routes("two", ["two"], [SHOP]), rsa, yard.certificate("of-ecdsa", SHOP))
    await yard.serves(port, SHOP)

    for ciphers, certificate in (("ECDHE-RSA-AES128-GCM-SHA256", "of-rsa"), ("ECDHE+ECDSA", "of-ecdsa")):
        async with dialled(yard.front, port, SHOP, yard.caller(ciphers=ciphers)) as conversation:
            assert conversation.certificate == certificate


async def test_a_server_that_lacks_the_proxys_own_identity_costs_no_other_anything(yard: Yard) -> None:
    port = yard.ports()
    in_mesh = server(port, "HTTPS", [API], {"mode": "ISTIO_MUTUAL"}, yard.front)
    beside = server(port, "HTTPS", [SHOP], simple("beside"), yard.front)
    routes = https_routes("beside", ["beside"], [SHOP, API])
    yard.write("beside", gateway("beside", in_mesh, beside), routes, yard.certificate("beside", SHOP))
    await yard.serves(port, SHOP)

    assert await yard.refused(port, API)


async def test_a_server_waits_for_its_credential_and_costs_no_other_anything(yard: Yard) -> None:
    port = yard.ports()
    servers = (server(port, "HTTPS", [name], simple(f"late-{name}"), yard.front) for name in (SHOP, API))
    routes = https_routes("late", ["late"], [SHOP, API])
    yard.write("late", gateway("late", *servers), routes, yard.certificate(f"late-{SHOP}", SHOP))
    await yard.serves(port, SHOP)
    assert await yard.refused(port, API)

    async with dialled(yard.front, port, SHOP, yard.caller()) as conversation:
        yard.write("late-secret", yard.certificate(f"late-{API}", API))
        await yard.serves(port, API)
        assert instance(await yard.ask(conversation, port, SHOP)) == "v1", "what was open stays"
        yard.remove("late-secret")

        async def gone() -> bool:
            return await yard.refused(port, API)

        await yard.until(gone, "a server without credential left out")
        assert instance(await yard.ask(conversation, port, SHOP)) == "v1"
