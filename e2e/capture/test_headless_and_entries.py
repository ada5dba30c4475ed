"""Headless services and every resolution of a ServiceEntry, called from a captured application."""

from __future__ import annotations

import pytest

from e2e.capture.mesh import CaptureMesh
from e2e.capture.topology import WORKLOADS
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="session")

OUTSIDE = WORKLOADS["outside"].ip


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_a_pod_of_a_headless_service_is_called_by_its_own_name(mesh: CaptureMesh, version: str) -> None:
    reply = await mesh.client.get(f"http://{version}.pods:9080/")

    assert reply.instance == f"reviews-{version}"
    assert reply.headers["server"] == "envoy"


async def test_a_headless_service_leads_to_the_address_that_the_application_resolved(mesh: CaptureMesh) -> None:
    replies = [await mesh.client.get("http://v2.pods:9080/", {"host": "pods:9080"}) for _ in range(4)]

    assert {reply.instance for reply in replies} == {"reviews-v2"}


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_with_passthrough_the_application_chooses_the_pod(mesh: CaptureMesh, version: str) -> None:
    replies = [await mesh.client.get(f"http://{version}.pods:9080/", {"host": "direct:9080"}) for _ in range(6)]

    assert {reply.instance for reply in replies} == {f"reviews-{version}"}
    requests = await mesh.admin("client", "/stats?filter=^cluster.outbound.9080..direct.*upstream_rq_total$")
    assert int(requests.rpartition(":")[2]) >= len(replies)


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_tcp_to_a_pod_of_a_headless_service(mesh: CaptureMesh, version: str) -> None:
    assert await mesh.client.say(f"{version}.pods", 9000, "hello") == [f"reviews-{version} hello"]
    assert "outbound|9000||pods.default.svc.cluster.local" in await mesh.admin("client", "/stats?filter=pods.*cx_total")


@proves("ServiceEntry", "spec.endpoints.address", "spec.ports.targetPort")
async def test_static_endpoints_are_reached_by_http_on_another_port(mesh: CaptureMesh) -> None:
    reply = await mesh.client.get("http://static.example.com/")

    assert (reply.instance, reply.received["local"]) == ("outside", [OUTSIDE, 8080])


@proves("ServiceEntry", "spec.addresses")
async def test_static_endpoints_are_reached_by_tcp_at_the_address_of_the_entry(mesh: CaptureMesh) -> None:
    assert await mesh.client.say("static.example.com", 8081, "hello") == ["outside hello"]


@proves("ServiceEntry", "spec.resolution")
async def test_the_proxy_resolves_the_names_of_endpoints(mesh: CaptureMesh) -> None:
    reply = await mesh.client.get("http://dns.example.com:8080/")

    assert (reply.instance, reply.received["local"]) == ("outside", [OUTSIDE, 8080])
    assert await mesh.client.say("dns.example.com", 8082, "hello") == ["outside hello"]


async def test_without_resolution_traffic_goes_where_it_was_sent(mesh: CaptureMesh) -> None:
    reply = await mesh.client.get("http://none.example.com:8083/")

    assert (reply.instance, reply.headers["server"]) == ("outside", "envoy")
    assert await mesh.client.say(OUTSIDE, 8084, "hello") == ["outside hello"]
    assert "outbound|8084||block.example.com" in await mesh.admin("client", "/stats?filter=block.*cx_total")


@proves("ServiceEntry", "spec.ports.targetPort")
async def test_without_resolution_a_port_may_still_lead_to_another(mesh: CaptureMesh) -> None:
    reply = await mesh.client.get("http://none.example.com:8090/")

    assert (reply.instance, reply.received["local"]) == ("outside", [OUTSIDE, 8083])


async def test_a_host_below_a_wildcard(mesh: CaptureMesh) -> None:
    reply = await mesh.client.get("http://any.wild.example.com:8083/")

    assert reply.instance == "outside"
    assert "outbound|8083||*.wild.example.com" in await mesh.admin("client", "/stats?filter=wild.*rq_total")


@proves("ServiceEntry", "spec.hosts", "spec.resolution", "spec.ports.protocol")
async def test_the_proxy_resolves_whatever_host_below_a_wildcard_a_request_is_for(mesh: CaptureMesh) -> None:
    reply = await mesh.client.get("http://one.dynamic.example.com:8083/")

    assert (reply.instance, reply.received["local"]) == ("outside", [OUTSIDE, 8083])
    assert "outbound|8083||*.dynamic.example.com" in await mesh.admin("client", "/stats?filter=dynamic.*rq_total")


@proves("ServiceEntry", "spec.ports.targetPort", "spec.ports.protocol")
async def test_the_proxy_resolves_whatever_server_name_below_a_wildcard_a_connection_is_for(mesh: CaptureMesh) -> None:
    answer = await mesh.client.greet_by_tls("one.dynamic.example.com", 8443, "one.dynamic.example.com")

    assert answer == "outside 8444"


@pytest.mark.parametrize(
    ("dialled", "server_name", "answer"),
    [
        ("one.tls.example.com", "one.tls.example.com", "outside 8444"),
        ("two.tls.example.com", "two.tls.example.com", "outside 8444"),
        ("any.wild.example.com", "any.wild.example.com", "outside 8443"),
        ("unknown.example.com", "unknown.example.com", "outside 8443"),
    ],
    ids=["service", "routed by a VirtualService", "wildcard", "unknown"],
)
@proves("VirtualService", "spec.tls.match.sniHosts", "spec.tls.route.destination.host")
async def test_tls_is_routed_by_its_server_name(mesh: CaptureMesh, dialled: str, server_name: str, answer: str) -> None:
    assert await mesh.client.greet_by_tls(dialled, 8443, server_name) == answer


async def test_http_and_tcp_without_addresses_share_a_port(mesh: CaptureMesh) -> None:
    reply = await mesh.client.get("http://any.wild.example.com:8085/")

    assert (reply.instance, reply.received["local"]) == ("outside", [OUTSIDE, 8085])
    assert await mesh.client.say(OUTSIDE, 8085, "hello") == ["outside hello"], "answered by the entry's port 8082"
