"""Ports that do not say what they speak, and servers that speak first, inside mutual TLS."""

from __future__ import annotations

import pytest

from e2e.captured_strict.topology import DATABASE, DIALLED, GUESSED, GUESSED_BYTES, GUESSED_LINES, HTTP, SERVERS
from e2e.captured_strict.world import Strict, identity, sender
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_requests_are_known_as_such_at_both_ends(mesh: Strict) -> None:
    before = await _requests(mesh)
    reply = await mesh.client.get(f"http://server:{GUESSED}/")

    assert (reply.instance in SERVERS, reply.headers["server"]) == (True, "envoy")
    assert await sender(mesh.client, f"http://server:{GUESSED}/") == identity("client")
    assert await _requests(mesh) == before + 2


async def _requests(mesh: Strict) -> int:
    """That the servers' sidecars have seen as requests on the port."""
    return sum([await mesh.stat(name, rf"^http\.inbound.*{GUESSED}.*downstream_rq_total$") for name in SERVERS])


@proves("AuthorizationPolicy", "spec.rules.to.operation.paths")
async def test_rules_about_requests_hold_on_every_port(mesh: Strict) -> None:
    dialled = {"host": f"dialled.example.com:{DIALLED}"}
    forbidden = [
        *[await sender(mesh.client, f"http://server:{port}/forbidden") for port in (HTTP, GUESSED)],
        await sender(mesh.client, f"http://server-v1.address:{DIALLED}/forbidden", dialled),
    ]

    assert forbidden == ["403"] * 3


@pytest.mark.parametrize("port", [HTTP, GUESSED])
async def test_websockets(mesh: Strict, port: int) -> None:
    async with mesh.client.websocket(f"http://server:{port}/") as say:
        answers = {await say("one"), await say("two")}

    assert answers in [{f"{name} one", f"{name} two"} for name in SERVERS]


async def test_what_is_no_request_passes_as_it_is(mesh: Strict) -> None:
    (answer,) = await mesh.client.say("server", GUESSED_LINES, "anything")

    assert answer in [f"{name} anything" for name in SERVERS]


async def test_tls_of_the_application_s_own_goes_on_inside_that_of_the_mesh(mesh: Strict) -> None:
    answer = await mesh.client.greet_by_tls("server", GUESSED_BYTES, "own.example")

    assert answer.split(" ")[0] in SERVERS


async def test_a_server_may_speak_first_where_the_port_says_so(mesh: Strict) -> None:
    greeting, answer = await mesh.client.listen_first("server", DATABASE, "hello")

    server = greeting.removeprefix("welcome to ")
    assert (server in SERVERS, answer) == (True, f"{server} hello")
