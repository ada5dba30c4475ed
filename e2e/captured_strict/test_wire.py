"""What passes the bridge between members of the mesh: TLS, whatever is in it, and nothing that can be read."""

from __future__ import annotations

import pytest

from e2e.capture.namespaces import ipv6_of
from e2e.captured_strict.topology import (
    DATABASE,
    DIALLED,
    DIALLED_LINES,
    GUESSED,
    GUESSED_LINES,
    HTTP,
    IPS,
    LINES,
    MEMBERS,
    NOT_CAPTURED_IN,
    OPEN,
    PLAIN,
    SECURE,
    VAULT,
)
from e2e.captured_strict.world import Strict
from e2e.wire import Flow

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECRET = b"what is said"
_OF_THE_MESH = {ip for member in MEMBERS for ip in (member.ip, ipv6_of(member.ip))}
_PLAIN_ON_PURPOSE = {(IPS["mixed"], port) for port in (PLAIN, NOT_CAPTURED_IN)}
_HANDSHAKE = b"\x16\x03"
"""How a connection of TLS begins, at both ends."""


async def test_members_speak_tls_with_one_another_and_nothing_else(mesh: Strict) -> None:
    await _everything(mesh)

    conversations = list(_answered(mesh))
    assert {flow.destination_port for flow in conversations} >= {
        *(HTTP, OPEN, LINES, VAULT, DATABASE, GUESSED, GUESSED_LINES, DIALLED, DIALLED_LINES, 8443, 8444)
    }
    assert any(":" in flow.source for flow in conversations), "by IPv6"
    for flow in conversations:
        for packets in (mesh.wire.packets[flow], mesh.wire.packets[flow.back]):
            assert packets[0].startswith(_HANDSHAKE), (flow, packets[0])
            assert not any(SECRET in packet or b"HTTP/1.1" in packet for packet in packets), flow


def _answered(mesh: Strict) -> list[Flow]:
    """From members to members, those that got an answer: who speaks plain text to a strict port gets none."""
    return [
        flow
        for flow in mesh.wire.packets
        if {flow.source, flow.destination} <= _OF_THE_MESH
        and flow.destination_port < flow.source_port
        and flow.back in mesh.wire.packets
        and (flow.destination, flow.destination_port) not in _PLAIN_ON_PURPOSE
    ]


async def _everything(mesh: Strict) -> None:
    """A call of every kind that one member makes of another, or of a host outside by way of one."""
    client, said = mesh.client, SECRET.decode()
    path = said.replace(" ", "-")
    for url in (
        *(f"http://server:{port}/{path}" for port in (HTTP, OPEN, GUESSED)),
        f"http://server-v1.pods:{HTTP}/{path}",
        f"http://guest:{HTTP}/{path}",
        f"http://six:{HTTP}/{path}",
        f"http://selected.example.com/{path}",
        f"http://named.example.com/{path}",
        f"http://{SECURE}/{path}",
    ):
        assert (await client.get(url, {"x-said": said})).saw("x-said") == said
    dialled = {"host": f"dialled.example.com:{DIALLED}", "x-said": said}
    assert (await client.get(f"http://server-v1.address:{DIALLED}/", dialled)).saw("x-said") == said
    for host, port in (
        *(("server", port) for port in (LINES, VAULT, GUESSED_LINES)),
        *((host, LINES) for host in ("lines", "guest", "six")),
        ("server-v1.address", DIALLED_LINES),
        ("ledger.example.com", 8082),
    ):
        assert (await client.say(host, port, said))[0].endswith(said)
    assert (await client.listen_first("server", DATABASE, said))[1].endswith(said)
