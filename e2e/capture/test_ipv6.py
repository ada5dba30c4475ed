"""Capture of IPv6: a workload with addresses of both versions calls, and is called, by it."""

from __future__ import annotations

import pytest

from e2e.capture.mesh import CaptureMesh
from e2e.capture.topology import NAMES

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_http_is_routed_by_the_address_of_the_service(mesh: CaptureMesh) -> None:
    reply = await mesh.client.get("http://six:9080/")

    assert (reply.instance, reply.headers["server"]) == ("reviews-v1", "envoy")
    assert reply.received["peer"] == "::6", "the server's sidecar has handed it over"


async def test_connections_lead_to_the_endpoints_of_the_service(mesh: CaptureMesh) -> None:
    assert await mesh.client.say("six.lines", 9000, "hello") == ["reviews-v1 hello"]


async def test_a_port_that_nobody_declared_passes_through_both_sidecars(mesh: CaptureMesh) -> None:
    reply = await mesh.client.get("http://six.pods:7070/")

    assert reply.received["peer"] == "::6"
    assert reply.received["local"] == [NAMES["six.pods"], 7070]


async def test_what_leads_out_of_the_mesh_passes_or_is_refused(mesh: CaptureMesh) -> None:
    assert (await mesh.client.say("six.outside", 8081, "hello")) == ["outside hello"]
    assert (await mesh.strict.say("six.outside", 8081, "hello")) == []


@pytest.mark.parametrize("port", [15001, 15006])
async def test_a_connection_to_the_sidecars_own_ports_leads_nowhere(mesh: CaptureMesh, port: int) -> None:
    assert await mesh.client.say("six.pods", port, "hello") == []
