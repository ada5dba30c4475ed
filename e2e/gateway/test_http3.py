"""HTTP/3: asked for by an annotation, beside HTTP over TCP."""

from __future__ import annotations

import pytest

from e2e.gateway.documents import Document, gateway, https_routes, server
from e2e.gateway.http3_client import get_by_http3
from e2e.gateway.tls_client import Reply
from e2e.gateway.yard import Yard, instance

pytestmark = pytest.mark.asyncio(loop_scope="module")

A, B = "a.example.com", "b.example.com"


def https(yard: Yard, port: int, name: str, credential: str) -> Document:
    return server(port, "HTTPS", [name], {"mode": "SIMPLE", "credentialName": credential}, yard.front)


async def reply(yard: Yard, port: int, name: str) -> Reply:
    return await get_by_http3(yard.front, port, name, "/path", yard.authority.pem)


async def spoken(yard: Yard, port: int, name: str) -> bool:
    """Whether HTTP/3 is."""
    try:
        return (await reply(yard, port, name)).status == 200
    except ConnectionError:
        return False


async def test_an_annotation_asks_for_it(yard: Yard) -> None:
    port = yard.ports()
    servers = (https(yard, port, name, "quic") for name in (A, B))
    listening = gateway("quic", *servers, annotations={"pilothouse/http3": "true"})
    routes = (https_routes("quic-a", ["quic"], [A], "v1"), https_routes("quic-b", ["quic"], [B], "v2"))
    yard.write("quic", listening, *routes, yard.certificate("quic", A, B))
    await yard.serves(port, A)
    assert (await yard.get(port, A)).headers["alt-svc"] == f'h3=":{port}"; ma=86400'

    async def is_spoken() -> bool:
        return await spoken(yard, port, A)

    await yard.until(is_spoken, "HTTP/3")
    for name, version in ((A, "v1"), (B, "v2")):
        assert instance(await reply(yard, port, name)) == version


async def test_nobody_is_let_in_by_it_without_the_certificate_that_is_asked_for(yard: Yard) -> None:
    port = yard.ports()
    mutual = {"mode": "MUTUAL", "credentialName": "mutual"}
    servers = (https(yard, port, A, "unverified"), server(port, "HTTPS", [B], mutual, yard.front))
    listening = gateway("verifying", *servers, annotations={"pilothouse/http3": "true"})
    secrets = (yard.certificate("unverified", A), yard.certificate("mutual", B, ca_crt=yard.clients.pem))
    yard.write("verifying", listening, https_routes("verifying", ["verifying"], [A, B]), *secrets)
    await yard.serves(port, B, yard.caller("alice"))

    async def is_spoken() -> bool:
        return await spoken(yard, port, A)

    await yard.until(is_spoken, "HTTP/3")
    assert "alt-svc" not in (await yard.get(port, B, caller=yard.caller("alice"))).headers
    assert not await spoken(yard, port, B)
