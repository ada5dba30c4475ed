"""Connections: who may open them, and where they are routed, over mutual TLS."""

from __future__ import annotations

import pytest

from e2e.captured_strict.topology import LINES, SERVERS, VAULT
from e2e.captured_strict.world import Strict
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="session")

BY_WEIGHT, BY_CLIENT = 9002, 9003
"""Ports of ``lines``."""


@proves("AuthorizationPolicy", "spec.rules.from.source.notPrincipals", "spec.rules.to.operation.ports")
async def test_a_port_is_closed_to_all_but_one(mesh: Strict) -> None:
    (answer,) = await mesh.client.say("server", VAULT, "hello")

    assert answer in [f"{name} hello" for name in SERVERS]
    assert await mesh.guest.say("server", VAULT, "hello") == []
    assert len(await mesh.guest.say("server", LINES, "hello")) == 1


@proves("AuthorizationPolicy", "spec.rules.from.source.principals", "spec.rules.to.operation.notPorts")
async def test_a_port_is_open_to_one_alone_whatever_the_others_speak(mesh: Strict) -> None:
    assert await mesh.client.say("mixed", VAULT, "hello") == ["mixed hello"]
    assert await mesh.guest.say("mixed", VAULT, "hello") == []
    assert await mesh.outside.say("mixed.address", VAULT, "hello") == []
    assert await mesh.outside.say("mixed.address", LINES, "hello") == ["mixed hello"]


@proves("VirtualService", "spec.tcp.route.destination.subset", "spec.tcp.match.port")
async def test_connections_go_to_one_version(mesh: Strict) -> None:
    assert {(await mesh.client.say("lines", LINES, "hello"))[0] for _ in range(8)} == {"server-v2 hello"}


@proves("VirtualService", "spec.tcp.match.sourceLabels")
async def test_connections_are_routed_by_who_opens_them(mesh: Strict) -> None:
    assert await mesh.client.say("lines", BY_CLIENT, "hello") == ["server-v2 hello"]
    assert await mesh.guest.say("lines", BY_CLIENT, "hello") == ["server-v1 hello"]


async def test_connections_are_spread_over_both_by_weight(mesh: Strict) -> None:
    """Half of them each: that 200 all go to one does not happen."""
    seen: set[str] = set()
    for _ in range(200):
        seen |= {*await mesh.client.say("lines", BY_WEIGHT, "hello")}
        if len(seen) == len(SERVERS):
            break

    assert seen == {f"{name} hello" for name in SERVERS}
