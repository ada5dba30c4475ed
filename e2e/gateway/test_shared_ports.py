"""Several Gateways on one port: who has what, and what a change of one costs the others."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from e2e.gateway.documents import Document, connection_routes, gateway, https_routes, server, to
from e2e.gateway.tls_client import REFUSALS, dialled
from e2e.gateway.yard import PLAIN_PORT, TLS_PORT, Yard, instance
from e2e.proofs import proves
from xds.app.demo.plan import ADMIN_PORT
from xds.app.demo.shop import fetch

pytestmark = pytest.mark.asyncio(loop_scope="module")

A, B, C = "a.example.com", "b.example.com", "c.example.com"
OLDER, YOUNGER = "2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"


def https(yard: Yard, port: int, credential: str, *hosts: str, **tls: object) -> Document:
    return server(port, "HTTPS", hosts, {"mode": "SIMPLE", "credentialName": credential, **tls}, yard.front)


async def updates(yard: Yard) -> Mapping[str, int]:
    """How often the gateway has changed a listener, and how often it could do so in place, by Envoy's own count."""
    answer = await fetch(
        yard.lab.session, f"http://{yard.front}:{ADMIN_PORT}/stats?format=json&filter=^listener_man", {}
    )
    return {
        each["name"].rpartition(".")[2]: each["value"] for each in json.loads(answer.body)["stats"] if "name" in each
    }


async def test_a_connection_survives_whatever_becomes_of_other_servers_of_its_port(yard: Yard) -> None:
    port = yard.ports()
    yard.write("stays", gateway("stays", https(yard, port, "stays", A)), https_routes("stays", ["stays"], [A]))
    yard.write("stays-secret", yard.certificate("stays", A))
    await yard.serves(port, A)

    async with dialled(yard.front, port, A, yard.caller()) as conversation:
        assert instance(await yard.ask(conversation, port, A)) == "v1"
        # "a" is before "stays" in every order that there is.
        routes = https_routes("added", ["a"], [B, C], "v2")
        secret = yard.certificate("added", B, C)
        yard.write("added", gateway("a", https(yard, port, "added", B), created=OLDER), routes, secret)
        await yard.serves(port, B)
        assert instance(await yard.ask(conversation, port, A)) == "v1"
        yard.write("added", gateway("a", https(yard, port, "added", B, C), created=OLDER), routes, secret)
        await yard.serves(port, C)
        assert instance(await yard.ask(conversation, port, A)) == "v1"
        passed = server(port, "TLS", [B], {"mode": "PASSTHROUGH"}, yard.front)
        rule = connection_routes("added", ["a"], [B], tls=[to("lines", TLS_PORT, sniHosts=[B])])
        yard.write("added", gateway("a", passed, created=OLDER), rule)

        async def is_passed() -> bool:
            try:
                return (await yard.line(port, B, yard.caller()))[1] == "backend"
            except REFUSALS:
                return False

        await yard.until(is_passed, "a server of another mode")
        assert instance(await yard.ask(conversation, port, A)) == "v1"
        yard.remove("added")

        async def is_gone() -> bool:
            return not await is_passed()

        await yard.until(is_gone, "the other server gone")
        assert instance(await yard.ask(conversation, port, A)) == "v1"
    counted = await updates(yard)
    assert counted["listener_in_place_updated"] == counted["listener_modified"] > 0


async def test_a_connection_survives_a_gateway_that_joins_a_port_of_plain_http(yard: Yard) -> None:
    port = yard.ports()
    yard.write("one", gateway("one", server(port, "HTTP", [A], bind=yard.front)), https_routes("one", ["one"], [A]))

    async def answers() -> bool:
        try:
            return (await yard.plain(port, A)).status == 200
        except REFUSALS:
            return False

    await yard.until(answers, "an answer")
    async with dialled(yard.front, port) as conversation:
        assert instance(await conversation.get(A)) == "v1"
        joining = gateway("another", server(port, "GRPC", [B], bind=yard.front), created=OLDER)
        yard.write("another", joining, https_routes("another", ["another"], [B], "v2"))

        async def joined() -> bool:
            return (await conversation.get(B)).status == 200

        await yard.until(joined, "another Gateway's host")
        assert instance(await conversation.get(A)) == "v1"


@proves("Gateway", "spec.servers.hosts")
async def test_the_oldest_has_a_server_name_and_the_younger_keeps_its_others(yard: Yard) -> None:
    port = yard.ports()
    older = gateway("older", https(yard, port, "older", A), created=OLDER)
    younger = gateway("younger", https(yard, port, "younger", A, B), created=YOUNGER)
    routes = (https_routes("of-older", ["older"], [A], "v1"), https_routes("of-younger", ["younger"], [A, B], "v2"))
    secrets = (yard.certificate("older", A), yard.certificate("younger", A, B))
    yard.write("ages", younger, older, *routes, *secrets)
    await yard.serves(port, A)
    await yard.serves(port, B)

    async with dialled(yard.front, port, A, yard.caller()) as conversation:
        assert conversation.certificate == "older"
    assert instance(await yard.get(port, A)) == "v1"
    assert instance(await yard.get(port, B)) == "v2"


async def test_what_cannot_share_a_port_stands_back_and_the_older_server_runs(yard: Yard) -> None:
    port = yard.ports()
    first = gateway("first", https(yard, port, "first", A), created=OLDER)
    second = gateway("second", server(port, "TCP", ["*"], bind=yard.front), created=YOUNGER)
    routes = (
        https_routes("first", ["first"], [A]),
        connection_routes("second", ["second"], ["*"], tcp=[to("lines", PLAIN_PORT)]),
    )
    yard.write("transports", second, first, *routes, yard.certificate("first", A))
    await yard.serves(port, A)

    with pytest.raises(REFUSALS):
        await yard.line(port)


async def test_a_host_is_exposed_to_the_namespace_that_it_names(yard: Yard) -> None:
    port = yard.ports()
    exposing = https(yard, port, "exposed", "elsewhere/a.example.com", "./b.example.com")
    routes = https_routes("exposed", ["exposed"], [A, B])
    yard.write("exposed", gateway("exposed", exposing), routes, yard.certificate("exposed", A, B))
    await yard.serves(port, B)

    assert instance(await yard.get(port, B)) == "v1"
    assert instance(await yard.get(port, A)) == "404"
