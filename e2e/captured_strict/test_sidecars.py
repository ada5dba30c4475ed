"""What a Sidecar says of a workload's traffic, where all of it is mutual TLS."""

from __future__ import annotations

import pytest

from e2e.captured_strict.topology import BEHIND, BEHIND_LINES, GUESSED, HTTP, LINES, UNDECLARED_GREETING
from e2e.captured_strict.world import Strict, identity, sender
from e2e.mtls.world import REFUSED
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="session")


@proves("Sidecar", "spec.ingress.defaultEndpoint", "spec.ingress.port.number")
async def test_what_arrives_is_handed_to_another_port(mesh: Strict) -> None:
    reply = await mesh.client.get(f"http://guest:{HTTP}/")

    assert (reply.instance, reply.received["local"]) == ("guest", ["127.0.0.1", BEHIND])
    assert await sender(mesh.client, f"http://guest:{HTTP}/") == identity("client")
    assert await mesh.client.say("guest", LINES, "hello") == ["guest hello"]


async def test_nobody_else_gets_there_by_either_port(mesh: Strict) -> None:
    for port in (HTTP, BEHIND):
        assert await sender(mesh.outside, f"http://guest.address:{port}/") == REFUSED
    for port in (LINES, BEHIND_LINES):
        assert await mesh.outside.say("guest.address", port, "hello") == []


@proves("Sidecar", "spec.egress.bind", "spec.egress.captureMode", "spec.egress.port.number")
async def test_a_service_is_called_by_an_address_of_the_proxy_s_own(mesh: Strict) -> None:
    assert await sender(mesh.guest, f"http://localhost:{GUESSED}/", {"host": f"server:{GUESSED}"}) == identity("guest")


@proves("Sidecar", "spec.outboundTrafficPolicy.egressProxy.host", "spec.outboundTrafficPolicy.egressProxy.port.number")
async def test_what_nobody_knows_leaves_by_the_egress_gateway(mesh: Strict) -> None:
    """Whatever it was dialled for: it is the gateway that says where it goes."""
    assert await mesh.callers["mixed"].say("unknown.example.com", UNDECLARED_GREETING, "hello") == ["outside hello"]
    assert await mesh.stat("mixed", r"^cluster\.outbound.8444.*egressgateway.*upstream_cx_total$") > 0
