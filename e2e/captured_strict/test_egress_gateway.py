"""Hosts outside that are called by an egress gateway, which knows who calls and decides whether they may."""

from __future__ import annotations

import pytest

from e2e.captured_strict.topology import OUTSIDE_TLS, SECURE
from e2e.captured_strict.world import Strict, identity, sender
from e2e.mtls.world import REFUSED
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="session")

URL = f"http://{SECURE}/"
_SENT = r"^cluster\.outbound.*\|{host}\.upstream_cx_total$"


@proves("Gateway", "spec.servers.tls.mode")
@proves("DestinationRule", "spec.trafficPolicy.portLevelSettings.tls.credentialName")
async def test_requests_leave_by_the_gateway_that_speaks_tls_with_the_host(mesh: Strict) -> None:
    reply = await mesh.client.get(URL)

    assert (reply.instance, reply.received["peer"]) == ("outside", mesh.mesh.members["egressgateway"].ip)
    local = reply.received["local"]
    assert isinstance(local, list)
    assert local[1] == OUTSIDE_TLS
    assert await sender(mesh.client, URL) == identity("client")
    assert await mesh.stat("egressgateway", _SENT.format(host=SECURE)) > 0
    assert await mesh.stat("client", _SENT.format(host=SECURE)) == 0


@proves("AuthorizationPolicy", "spec.selector.matchLabels", "spec.rules.from.source.principals")
async def test_the_gateway_lets_requests_of_the_client_through_and_of_nobody_else(mesh: Strict) -> None:
    assert await sender(mesh.guest, URL) == "403"
    assert await sender(mesh.client, URL) == identity("client")


async def test_whoever_is_not_of_the_mesh_does_not_get_into_the_gateway(mesh: Strict) -> None:
    for port in (8443, 8444):
        assert await sender(mesh.outside, f"http://egressgateway.address:{port}/", {"host": SECURE}) == REFUSED


async def test_connections_leave_by_the_gateway_if_they_are_the_client_s(mesh: Strict) -> None:
    assert await mesh.client.say("ledger.example.com", 8082, "hello") == ["outside hello"]
    assert await mesh.guest.say("ledger.example.com", 8082, "hello") == []
    assert await mesh.stat("client", _SENT.format(host="ledger.example.com")) == 0
