"""Rules about addresses, which capture must not change: who connects, and where a connection was going."""

from __future__ import annotations

import pytest

from e2e.captured_strict.topology import GUESSED_LINES, HTTP
from e2e.captured_strict.world import Strict, identity, sender
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="session")


@proves("AuthorizationPolicy", "spec.rules.from.source.ipBlocks")
async def test_who_connects(mesh: Strict) -> None:
    assert await mesh.guest.say("server", GUESSED_LINES, "hello") == []
    assert len(await mesh.client.say("server", GUESSED_LINES, "hello")) == 1


@proves("AuthorizationPolicy", "spec.rules.when.key", "spec.rules.when.values")
async def test_where_a_connection_was_going(mesh: Strict) -> None:
    assert await sender(mesh.client, f"http://server-v1.pods:{HTTP}/not-at-v2") == identity("client")
    assert await sender(mesh.client, f"http://server-v2.pods:{HTTP}/not-at-v2") == "403"
