"""A workload that took plain text takes mutual TLS alone from now on, and nobody who speaks it notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from e2e.captured_strict.topology import HTTP, LINES
from e2e.captured_strict.world import Strict, identity, sender
from e2e.mtls.world import NOBODY, REFUSED
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def policies(mesh: Strict) -> AsyncIterator[str]:
    """The file of all policies as it was, and is again."""
    path = mesh.mesh.configuration / "policies.yaml"
    text = path.read_text()
    yield text
    mesh.write("policies.yaml", text)
    await mesh.until(lambda: sender(mesh.outside, f"http://mixed.address:{HTTP}/"), NOBODY)


@proves("PeerAuthentication", "spec.mtls.mode")
async def test_members_notice_nothing(mesh: Strict, policies: str) -> None:
    over = asyncio.Event()
    asking = asyncio.create_task(_ask(mesh, over))
    try:
        mesh.write("policies.yaml", policies.replace("  mtls: {mode: PERMISSIVE}\n", ""))
        await mesh.until(lambda: sender(mesh.outside, f"http://mixed.address:{HTTP}/"), REFUSED)
        await mesh.until(lambda: mesh.outside.say("mixed.address", LINES, "hello"), [])
    finally:
        over.set()
    assert await asking == {identity("client"), "mixed hello"}


async def _ask(mesh: Strict, over: asyncio.Event) -> set[str]:
    """What requests and connections are answered meanwhile."""
    seen: set[str] = set()
    while not over.is_set():
        seen.add(await sender(mesh.client, f"http://mixed:{HTTP}/"))
        seen |= {*(await mesh.client.say("mixed", LINES, "hello") or [REFUSED])}
    return seen
