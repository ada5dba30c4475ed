"""Connections that a gateway forwards: TCP, TLS as it is by server name, TLS that it ends, and Unix sockets."""

from __future__ import annotations

import asyncio

import pytest

from e2e.gateway.documents import connection_routes, gateway, server, service, to
from e2e.gateway.tls_client import REFUSALS, Caller
from e2e.gateway.yard import PLAIN_PORT, TLS_PORT, Yard
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSED, ENDED = "passed.example.com", "ended.example.com"


async def answers(yard: Yard, port: int, name: str = "", caller: Caller | None = None) -> tuple[str, str]:
    """The answer of the server of lines, as soon as there is one, and the name in the certificate that was shown."""
    found: list[tuple[str, str]] = []

    async def answered() -> bool:
        try:
            found.append(await yard.line(port, name, caller))
        except REFUSALS:
            return False
        return True

    await yard.until(answered, f"an answer on port {port}")
    return found[0]


@proves("Gateway", "spec.servers.port.protocol")
async def test_tcp(yard: Yard) -> None:
    port = yard.ports()
    routes = connection_routes("tcp", ["tcp"], ["*"], tcp=[to("lines", PLAIN_PORT)])
    yard.write("tcp", gateway("tcp", server(port, "TCP", ["*"], bind=yard.front)), routes)

    assert (await answers(yard, port))[0] == "plain: hello"


async def test_a_rule_is_for_the_port_and_the_gateway_that_it_names(yard: Yard) -> None:
    one, other = yard.ports(), yard.ports()
    servers = (server(port, "TCP", ["*"], bind=yard.front) for port in (one, other))
    rules = [to("lines", PLAIN_PORT, port=one), to("lines", PLAIN_PORT, gateways=["elsewhere"])]
    yard.write("rules", gateway("rules", *servers), connection_routes("rules", ["rules"], ["*"], tcp=rules))

    assert (await answers(yard, one))[0] == "plain: hello"
    with pytest.raises(REFUSALS):
        await yard.line(other)


async def test_tls_is_passed_on_by_server_name_beside_tls_that_is_ended(yard: Yard) -> None:
    port = yard.ports()
    passed = server(port, "TLS", ["*.example.com"], {"mode": "PASSTHROUGH"}, yard.front)
    ended = server(port, "TLS", [ENDED], {"mode": "SIMPLE", "credentialName": "ended"}, yard.front)
    rules = {"tls": [to("lines", TLS_PORT, sniHosts=[PASSED])], "tcp": [to("lines", PLAIN_PORT, port=port)]}
    routes = connection_routes("by-name", ["by-name"], ["*.example.com"], **rules)
    yard.write("by-name", gateway("by-name", passed, ended), routes, yard.certificate("ended", ENDED))

    assert await answers(yard, port, PASSED, yard.caller()) == ("within TLS: hello", "backend")
    assert await answers(yard, port, ENDED, yard.caller()) == ("plain: hello", "ended")
    with pytest.raises(REFUSALS):
        await yard.line(port, "unknown.example.com", yard.caller())


async def test_a_client_has_to_show_a_certificate_where_tls_is_ended_too(yard: Yard) -> None:
    port = yard.ports()
    ended = server(port, "TLS", [ENDED], {"mode": "MUTUAL", "credentialName": "verified"}, yard.front)
    routes = connection_routes("verified", ["verified"], [ENDED], tcp=[to("lines", PLAIN_PORT)])
    credential = yard.certificate("verified", ENDED, ca_crt=yard.clients.pem)
    yard.write("verified", gateway("verified", ended), routes, credential)

    assert (await answers(yard, port, ENDED, yard.caller("alice")))[0] == "plain: hello"
    with pytest.raises(REFUSALS):
        await yard.line(port, ENDED, yard.caller())


async def test_sidecars_of_elsewhere_are_passed_on_to_the_service_that_their_server_name_says(yard: Yard) -> None:
    """If it takes mutual TLS, which an instance without a sidecar does not."""
    port = yard.ports()
    passing = server(port, "TLS", ["*.local"], {"mode": "AUTO_PASSTHROUGH"}, yard.front)
    yard.write("automatic", gateway("automatic", passing), *service("alone", yard.lines, {"tls-own": TLS_PORT}))
    host = "lines.default.svc.cluster.local"
    name = f"outbound_.{TLS_PORT}_._.{host}"
    sidecar = yard.caller(alpn=("istio",), names=False)

    assert (await answers(yard, port, name, sidecar))[0] == "within TLS: hello"
    unknown, alone = f"outbound_.1_._.{host}", f"outbound_.{TLS_PORT}_._.alone.default.svc.cluster.local"
    elsewhere = yard.caller(alpn=("h2",), names=False)
    for other, caller in ((unknown, sidecar), (alone, sidecar), (name, elsewhere)):
        with pytest.raises(REFUSALS):
            await yard.line(port, other, caller)


async def test_a_unix_socket(yard: Yard) -> None:
    path = yard.lab.folder / "lines.sock"
    routes = connection_routes("socket", ["socket"], ["*"], tcp=[to("lines", PLAIN_PORT)])
    yard.write("socket", gateway("socket", server(0, "TCP", ["*"], bind=f"unix://{path}", port_name="lines")), routes)

    async def is_there() -> bool:
        return path.exists()

    await yard.until(is_there, "the socket")
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"hello\n")
    assert await asyncio.wait_for(reader.readline(), 15) == b"plain: hello\n"
    writer.close()
    await writer.wait_closed()
