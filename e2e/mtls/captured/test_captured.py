"""What passes between captured workloads under each mode: ports that are declared, guessed, and unknown."""

from __future__ import annotations

from functools import partial

import pytest

from e2e.capture.caller import ANSWER_SECONDS, Caller
from e2e.capture.grpc_applications import METHOD, grpc_channel
from e2e.mtls.captured.world import (
    DATABASE,
    GUESSED,
    GUESSED_BYTES,
    GUESSED_CALLS,
    GUESSED_LINES,
    HTTP,
    SERVER,
    UNDECLARED,
    UNDECLARED_LINES,
    Captured,
    sender,
)
from e2e.mtls.world import CLIENT, NOBODY, REFUSED
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="session")

STRICT, PERMISSIVE, DISABLE = ({"mode": mode} for mode in ("STRICT", "PERMISSIVE", "DISABLE"))
LINE = "hello"


async def _strict(mesh: Captured) -> None:
    mesh.policy(mtls=STRICT)
    await mesh.until(partial(sender, mesh.stranger, f"http://pod:{HTTP}/"), REFUSED)
    await mesh.until(partial(sender, mesh.client, f"http://server:{HTTP}/"), str(CLIENT))


async def _permissive(mesh: Captured) -> None:
    mesh.policy(mtls=PERMISSIVE)
    await mesh.until(partial(sender, mesh.stranger, f"http://pod:{HTTP}/"), NOBODY)


async def _calls(caller: Caller, host: str) -> bytes:
    async with grpc_channel(caller, host, GUESSED_CALLS) as channel:
        answer: bytes = await channel.unary_unary(METHOD)(b"", timeout=ANSWER_SECONDS)
    return answer


async def test_requests_are_known_as_such_inside_mutual_tls_where_nobody_declares_them(mesh: Captured) -> None:
    await _strict(mesh)
    assert await sender(mesh.client, f"http://server:{GUESSED}/") == str(CLIENT)
    two = rf"^http\.inbound.*{GUESSED_CALLS}.*downstream_rq_http2_total$"
    before = await mesh.stat(two)
    assert await _calls(mesh.client, "server") == b"server"
    assert await mesh.stat(two) == before + 1
    assert await mesh.client.say("server", GUESSED_LINES, LINE) == [f"server {LINE}"]


async def test_a_captured_connection_inside_mutual_tls_goes_where_it_was_to_go(mesh: Captured) -> None:
    await _strict(mesh)
    for port in (HTTP, GUESSED):
        received = (await mesh.client.get(f"http://server:{port}/")).received
        assert (received["peer"], received["local"]) == ("127.0.0.6", [SERVER, port])
    greeting, answer = await mesh.client.listen_first("server", DATABASE, LINE)
    assert (greeting, answer) == ("welcome to server", f"server {LINE}")


async def test_pods_of_headless_services_are_spoken_to_with_mutual_tls(mesh: Captured) -> None:
    await _strict(mesh)
    for port in (HTTP, GUESSED):
        assert await sender(mesh.client, f"http://pods:{port}/") == str(CLIENT)


@proves("PeerAuthentication", "spec.mtls.mode")
async def test_strict_takes_no_plain_text_on_any_port(mesh: Captured) -> None:
    await _strict(mesh)
    for port in (HTTP, GUESSED, UNDECLARED):
        assert await sender(mesh.stranger, f"http://pod:{port}/") == REFUSED
    for port in (GUESSED_LINES, UNDECLARED_LINES):
        assert await mesh.stranger.say("pod", port, LINE) == []
    # past all services a client's sidecar knows of no mutual TLS either, as in Istio
    assert await sender(mesh.client, f"http://pod:{UNDECLARED}/") == REFUSED


@proves("PeerAuthentication", "spec.mtls.mode")
async def test_permissive_takes_plain_text_on_every_port(mesh: Captured) -> None:
    await _permissive(mesh)
    for port in (HTTP, GUESSED, UNDECLARED):
        for caller in (mesh.stranger, mesh.client):
            assert await sender(caller, f"http://pod:{port}/") == NOBODY
        assert await sender(mesh.client, f"http://server:{HTTP}/") == str(CLIENT)
    for port in (GUESSED_LINES, UNDECLARED_LINES):
        assert await mesh.stranger.say("pod", port, LINE) == [f"server {LINE}"]
    assert await _calls(mesh.stranger, "pod") == b"server"
    # TLS of the application's own goes on as it is
    assert await mesh.stranger.greet_by_tls("pod", GUESSED_BYTES, "own.example") == f"server {GUESSED_BYTES}"
    received = (await mesh.client.get(f"http://pod:{UNDECLARED}/")).received
    assert received["local"] == [SERVER, UNDECLARED]


@proves("PeerAuthentication", "spec.portLevelMtls.*.mode")
async def test_a_guessed_port_is_an_exception(mesh: Captured) -> None:
    mesh.policy(mtls=STRICT, portLevelMtls={str(GUESSED): DISABLE})
    await mesh.until(partial(sender, mesh.stranger, f"http://pod:{GUESSED}/"), NOBODY)
    await mesh.until(partial(sender, mesh.stranger, f"http://pod:{HTTP}/"), REFUSED)
    await mesh.until(partial(sender, mesh.client, f"http://server:{GUESSED}/"), NOBODY)
    assert await sender(mesh.client, f"http://server:{HTTP}/") == str(CLIENT)


async def test_who_is_not_in_the_mesh_is_spoken_to_in_plain_text(mesh: Captured) -> None:
    await _strict(mesh)
    assert await sender(mesh.client, f"http://stranger:{HTTP}/") == NOBODY
