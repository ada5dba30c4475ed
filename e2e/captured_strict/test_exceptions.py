"""What is not mutual TLS on purpose: what policies except, and what capture leaves alone."""

from __future__ import annotations

import pytest

from e2e.captured_strict.topology import HTTP, IPS, LINES, NOT_CAPTURED_IN, NOT_CAPTURED_OUT, OPEN, PLAIN, STRICT
from e2e.captured_strict.world import Strict, identity, sender
from e2e.mtls.world import NOBODY, REFUSED
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROXY = "127.0.0.6"
"""Where connections come from that a sidecar hands over."""


@proves("PeerAuthentication", "spec.portLevelMtls.*.mode", "spec.selector.matchLabels")
async def test_one_port_of_a_strict_workload_takes_plain_text(mesh: Strict) -> None:
    assert await sender(mesh.outside, f"http://server-v1.address:{OPEN}/") == NOBODY
    assert await sender(mesh.outside, f"http://server-v1.address:{HTTP}/") == REFUSED
    assert await sender(mesh.client, f"http://server:{OPEN}/") == identity("client")


@proves("DestinationRule", "spec.trafficPolicy.tls.mode")
async def test_a_client_s_rule_that_turns_it_off_leads_nowhere(mesh: Strict) -> None:
    assert await sender(mesh.client, f"http://careless:{HTTP}/") == "503"


@proves("PeerAuthentication", "spec.mtls.mode")
async def test_a_permissive_workload_of_a_strict_mesh_takes_both(mesh: Strict) -> None:
    assert await sender(mesh.outside, f"http://mixed.address:{HTTP}/") == NOBODY
    assert await mesh.outside.say("mixed.address", LINES, "hello") == ["mixed hello"]
    assert await sender(mesh.client, f"http://mixed:{HTTP}/") == identity("client")
    assert await mesh.client.say("mixed", LINES, "hello") == ["mixed hello"]


@proves("PeerAuthentication", "spec.portLevelMtls.*.mode")
async def test_ports_of_a_permissive_workload_that_take_one_alone(mesh: Strict) -> None:
    assert await sender(mesh.outside, f"http://mixed.address:{STRICT}/") == REFUSED
    assert await sender(mesh.client, f"http://mixed:{STRICT}/") == identity("client")
    for caller in (mesh.outside, mesh.client):
        assert await sender(caller, f"http://mixed.address:{PLAIN}/") == NOBODY


async def test_a_port_that_capture_leaves_alone_gets_what_anybody_sends(mesh: Strict) -> None:
    """By whatever the workload serves there, and without its proxy."""
    for workload in ("mixed", "client"):
        reply = await mesh.outside.get(f"http://{workload}.address:{NOT_CAPTURED_IN}/")

        assert (reply.instance, reply.received["peer"]) == (workload, IPS["outside"])
        assert await sender(mesh.outside, f"http://{workload}.address:{NOT_CAPTURED_IN}/") == NOBODY


async def test_a_member_calls_such_a_port_in_plain_text_if_a_policy_says_so(mesh: Strict) -> None:
    reply = await mesh.client.get(f"http://mixed:{NOT_CAPTURED_IN}/")

    assert (reply.instance, reply.received["peer"]) == ("mixed", IPS["client"])


async def test_ports_that_are_included_are_protected(mesh: Strict) -> None:
    assert await sender(mesh.outside, f"http://client.address:{HTTP}/") == REFUSED


async def test_what_leaves_by_a_port_that_capture_leaves_alone_has_no_identity(mesh: Strict) -> None:
    """It is not protected, and so reaches nobody who wants mutual TLS."""
    mesh_ports = f"http://server-v1.address:{NOT_CAPTURED_OUT}/", f"http://outside.address:{NOT_CAPTURED_OUT}/"

    assert [await sender(mesh.client, url) for url in mesh_ports] == [REFUSED, NOBODY]
    assert (await mesh.client.get(mesh_ports[1])).received["peer"] == IPS["client"]


async def test_what_leaves_for_a_range_that_capture_leaves_alone_knows_no_policy(mesh: Strict) -> None:
    reply = await mesh.guest.get(f"http://beyond.example.com:{HTTP}/")

    assert (reply.instance, reply.received["peer"]) == ("beyond", IPS["guest"])
    assert await sender(mesh.guest, f"http://unknown.example.com:{HTTP}/") == "502"


async def test_who_hands_over_what_is_captured(mesh: Strict) -> None:
    assert (await mesh.outside.get(f"http://mixed.address:{HTTP}/")).received["peer"] == PROXY
