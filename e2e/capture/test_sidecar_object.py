"""What a Sidecar object declares for a captured workload: where it listens, and what it may call."""

from __future__ import annotations

import pytest

from e2e.capture.mesh import CaptureMesh
from e2e.capture.topology import WORKLOADS
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="session")

REVIEWS = ["reviews-v1", "reviews-v2"]


@proves("Sidecar", "spec.ingress.defaultEndpoint", "spec.ingress.port.number")
async def test_ingress_leads_to_an_endpoint_on_loopback(mesh: CaptureMesh) -> None:
    reply = await mesh.client.get("http://strict:9080/")

    assert (reply.instance, reply.received["local"]) == ("strict", ["127.0.0.1", 9180])


async def test_ingress_leads_to_a_port_of_the_workloads_address(mesh: CaptureMesh) -> None:
    assert await mesh.client.say("strict", 9000, "hello") == ["strict hello"]


async def test_ports_that_it_does_not_name_pass_through(mesh: CaptureMesh) -> None:
    reply = await mesh.client.get(f"http://{WORKLOADS['strict'].ip}:9200/", {"host": "unknown.example.com"})

    assert (reply.instance, reply.received["local"]) == ("strict", [WORKLOADS["strict"].ip, 9200])


@proves("Sidecar", "spec.ingress.captureMode")
async def test_ingress_that_is_not_captured_is_bound(mesh: CaptureMesh) -> None:
    """The workload itself reaches it on loopback, where nothing is captured."""
    async with mesh.strict.connection("localhost", 9300) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nhost: strict\r\nconnection: close\r\n\r\n")
        answer = (await reader.read()).decode()

    assert '"local": ["127.0.0.1", 9180]' in answer
    assert "server: istio-envoy" in answer


@proves("Sidecar", "spec.egress.captureMode", "spec.egress.bind")
async def test_egress_on_an_address_that_the_application_calls_itself(mesh: CaptureMesh) -> None:
    reply = await mesh.strict.get("http://localhost:9090/", {"host": "ratings:9090"})

    assert (reply.instance in REVIEWS, reply.headers["server"]) == (True, "envoy")


@proves("Sidecar", "spec.egress.hosts")
async def test_egress_hosts_are_all_that_can_be_called(mesh: CaptureMesh) -> None:
    known = await mesh.strict.get("http://reviews:9080/")
    unknown = await mesh.strict.get("http://canary:9080/")

    assert (known.instance, unknown.status) == ("reviews-v1", 502)


@pytest.mark.parametrize("port", [9080, 8088])
@proves(
    "Sidecar",
    "spec.outboundTrafficPolicy.egressProxy.host",
    "spec.outboundTrafficPolicy.egressProxy.port.number",
)
async def test_unknown_hosts_are_left_to_a_service(mesh: CaptureMesh, port: int) -> None:
    """As requests on a port where the mesh has HTTP, and as connections on any other."""
    reply = await mesh.callers["reviews-v2"].get(f"http://unknown.example.com:{port}/")

    assert (reply.instance, reply.received["local"]) == ("outside", [WORKLOADS["outside"].ip, 8080])
