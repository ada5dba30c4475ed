"""Nothing of it depends on the version of IP: there is no way around by the other one."""

from __future__ import annotations

import pytest

from e2e.captured_strict.topology import HTTP, LINES, SERVERS, UNDECLARED, UNDECLARED_GREETING
from e2e.captured_strict.world import Strict, identity, sender
from e2e.mtls.world import NOBODY, REFUSED

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_service_is_called_by_mutual_tls(mesh: Strict) -> None:
    assert await sender(mesh.client, f"http://six:{HTTP}/") == identity("client")
    assert await mesh.client.say("six", LINES, "hello") == ["server-v1 hello"]


@pytest.mark.parametrize("server", SERVERS)
async def test_whoever_is_not_of_the_mesh_is_refused(mesh: Strict, server: str) -> None:
    for port in (HTTP, UNDECLARED):
        assert await sender(mesh.outside, f"http://{server}.six:{port}/") == REFUSED
    for port in (LINES, UNDECLARED_GREETING):
        assert await mesh.outside.say(f"{server}.six", port, "hello") == []


async def test_an_exception_is_one_here_too(mesh: Strict) -> None:
    assert await sender(mesh.outside, f"http://mixed.six:{HTTP}/") == NOBODY


async def test_unknown_hosts(mesh: Strict) -> None:
    assert await sender(mesh.client, f"http://outside.six:{UNDECLARED}/") == NOBODY
    assert await mesh.client.listen_first("outside.six", UNDECLARED_GREETING, "hello") == [
        "welcome to outside",
        "outside hello",
    ]
    assert await sender(mesh.guest, f"http://outside.six:{HTTP}/") == "502"
    assert await mesh.guest.say("outside.six", UNDECLARED_GREETING, "hello") == []
