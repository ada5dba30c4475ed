"""HTTP through two capturing sidecars: by host, by header, by weight, and what a VirtualService does to requests."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from e2e.capture.mesh import PROXY_HTTP_PORT, CaptureMesh
from e2e.capture.topology import WORKLOADS
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIDECARS_SOURCE = "127.0.0.6"
"""Whatever a sidecar hands to its own workload comes from here."""


@proves("VirtualService", "spec.http.match.headers.*.exact", "spec.http.route.destination.subset")
async def test_a_request_is_routed_by_its_headers(mesh: CaptureMesh) -> None:
    anybody = [(await mesh.client.get("http://reviews:9080/")).instance for _ in range(4)]
    jason = [(await mesh.client.get("http://reviews:9080/", {"end-user": "jason"})).instance for _ in range(4)]

    assert (set(anybody), set(jason)) == ({"reviews-v1"}, {"reviews-v2"})


async def test_a_request_passes_both_sidecars_and_arrives_at_the_port_it_was_for(mesh: CaptureMesh) -> None:
    reply = await mesh.client.get("http://reviews:9080/")

    assert reply.headers["server"] == "envoy"
    assert reply.received["peer"] == SIDECARS_SOURCE
    assert reply.received["local"] == [WORKLOADS["reviews-v1"].ip, 9080]
    assert "inbound_0.0.0.0_9080" in await mesh.admin("reviews-v1", "/stats?filter=http.inbound.*rq_2xx")


@proves("VirtualService", "spec.http.route.weight")
async def test_requests_are_spread_by_weight(mesh: CaptureMesh) -> None:
    count = Counter([(await mesh.client.get("http://ratings:9080/")).instance for _ in range(200)])

    assert set(count) == {"reviews-v1", "reviews-v2"}
    assert 110 <= count["reviews-v1"] <= 190, "75 % of 200, and seven standard deviations"


@pytest.mark.parametrize("host", ["reviews", "reviews.default", "reviews.default.svc.cluster.local", "10.96.0.10"])
async def test_a_service_has_all_its_names_with_and_without_port(mesh: CaptureMesh, host: str) -> None:
    replies = [await mesh.client.get("http://reviews:9080/", {"host": name}) for name in (host, f"{host}:9080")]

    assert [reply.instance for reply in replies] == ["reviews-v1", "reviews-v1"]


@proves("VirtualService", "spec.http.fault.abort.httpStatus", "spec.http.fault.abort.percentage.value")
async def test_a_fault_aborts_the_request(mesh: CaptureMesh) -> None:
    reply = await mesh.client.get("http://reviews:9080/abort")

    assert (reply.status, reply.body) == (418, "fault filter abort")


@proves("VirtualService", "spec.http.fault.delay.fixedDelay", "spec.http.fault.delay.percentage.value")
async def test_a_fault_delays_the_request(mesh: CaptureMesh) -> None:
    began = time.monotonic()
    reply = await mesh.client.get("http://reviews:9080/delay")

    assert reply.status == 200
    assert time.monotonic() - began >= 0.35, "0.4 s, but for how exactly Envoy keeps time"


@proves("VirtualService", "spec.http.timeout")
async def test_a_route_has_a_timeout(mesh: CaptureMesh) -> None:
    quick = await mesh.client.get("http://reviews:9080/slow")
    slow = await mesh.client.get("http://reviews:9080/slow?sleep=2")

    assert (quick.status, slow.status, slow.body) == (200, 504, "upstream request timeout")


@proves("VirtualService", "spec.http.rewrite.uri", "spec.http.rewrite.authority", "spec.http.match.uri.prefix")
async def test_path_and_authority_are_rewritten(mesh: CaptureMesh) -> None:
    reply = await mesh.client.get("http://reviews:9080/old/page")

    assert (reply.received["path"], reply.saw("host")) == ("/new/page", "elsewhere")


async def test_a_workload_that_calls_its_own_service_gets_itself(mesh: CaptureMesh) -> None:
    reply = await mesh.client.get("http://client:9080/")

    assert (reply.instance, reply.received["peer"]) == ("client", SIDECARS_SOURCE)


async def test_a_workload_calls_itself_on_loopback_without_its_sidecar(mesh: CaptureMesh) -> None:
    reply = await mesh.client.get("http://localhost:9080/")

    assert (reply.instance, reply.received["peer"]) == ("client", "127.0.0.1")


@pytest.mark.parametrize(
    ("url", "instances"),
    [
        ("http://pages:9000/", {"reviews-v1", "reviews-v2"}),
        ("http://sliced:9080/", {"outside"}),
        ("http://alias:8080/", {"outside"}),
        ("http://virtual.example.com/", {"reviews-v2"}),
    ],
    ids=["a named target port", "an EndpointSlice", "ExternalName", "a host without a service"],
)
async def test_endpoints_are_found_however_they_are_given(mesh: CaptureMesh, url: str, instances: set[str]) -> None:
    replies = [await mesh.client.get(url) for _ in range(24)]

    assert {reply.instance for reply in replies} == instances
    assert {reply.headers["server"] for reply in replies} == {"envoy"}
    assert all(reply.saw("x-request-id") for reply in replies)


async def test_the_sidecar_is_an_http_proxy_too_for_those_who_ask(mesh: CaptureMesh) -> None:
    proxy = f"http://localhost:{PROXY_HTTP_PORT}"
    reply = await mesh.client.get("http://reviews:9080/", {"end-user": "jason"}, proxy)

    assert (reply.instance, reply.headers["server"]) == ("reviews-v2", "envoy")


async def test_sidecars_log_requests_under_istios_names(mesh: CaptureMesh) -> None:
    await mesh.client.get("http://reviews:9080/logged")

    assert await mesh.logs("client", "/logged", "outbound|9080|v1|reviews.default.svc.cluster.local") == 1
    assert await mesh.logs("reviews-v1", "/logged", "inbound|9080||") == 1
