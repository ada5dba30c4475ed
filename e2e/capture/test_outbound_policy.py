"""What happens to calls of hosts that the mesh does not know, under ALLOW_ANY and under REGISTRY_ONLY."""

from __future__ import annotations

import pytest

from e2e.capture.mesh import CaptureMesh
from e2e.capture.topology import WORKLOADS
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="session")

OUTSIDE = WORKLOADS["outside"].ip
ON_A_PORT_OF_THE_MESH = "http://unknown.example.com:9080/"
ON_A_PORT_OF_ITS_OWN = "http://unknown.example.com:8088/"


@pytest.mark.parametrize("url", [ON_A_PORT_OF_THE_MESH, ON_A_PORT_OF_ITS_OWN])
async def test_allow_any_passes_unknown_hosts_through(mesh: CaptureMesh, url: str) -> None:
    reply = await mesh.client.get(url)

    assert (reply.instance, reply.saw("host")) == ("outside", url.split("/")[2])


async def test_allow_any_passes_tcp_through_even_if_the_server_speaks_first(mesh: CaptureMesh) -> None:
    assert await mesh.client.listen_first(OUTSIDE, 8089, "hello") == ["welcome to outside", "outside hello"]


@proves("Sidecar", "spec.outboundTrafficPolicy.mode")
async def test_registry_only_refuses_unknown_hosts(mesh: CaptureMesh) -> None:
    reply = await mesh.strict.get(ON_A_PORT_OF_THE_MESH)

    assert reply.status == 502


@proves("Sidecar", "spec.outboundTrafficPolicy.mode")
async def test_registry_only_ends_connections_to_unknown_addresses(mesh: CaptureMesh) -> None:
    assert await mesh.strict.say(OUTSIDE, 8089, "hello") == []


async def test_registry_only_lets_the_mesh_through(mesh: CaptureMesh) -> None:
    reply = await mesh.strict.get("http://reviews:9080/")

    assert reply.instance == "reviews-v1"
    assert await mesh.strict.say("static.example.com", 8081, "hello") == ["outside hello"]


async def test_allow_any_passes_through_what_is_not_http_on_a_port_where_the_mesh_has_http(mesh: CaptureMesh) -> None:
    assert await mesh.client.say(OUTSIDE, 9090, "hello") == ["outside hello"]


async def test_registry_only_ends_what_is_not_http_on_a_port_where_the_mesh_has_http(mesh: CaptureMesh) -> None:
    assert await mesh.strict.say(OUTSIDE, 9090, "hello") == []


async def test_registry_only_knows_tls_by_its_server_name(mesh: CaptureMesh) -> None:
    known = await mesh.strict.greet_by_tls(OUTSIDE, 8443, "any.wild.example.com")
    unknown = await mesh.strict.greet_by_tls(OUTSIDE, 8443, "unknown.example.com")

    assert (known, unknown) == ("outside 8443", "")
