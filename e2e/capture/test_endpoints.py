"""Which endpoint of a service gets a request: one that works, one that is kept, one that is there."""

from __future__ import annotations

import asyncio

import pytest

from e2e.capture.mesh import CaptureMesh
from e2e.capture.topology import WORKLOADS

pytestmark = pytest.mark.asyncio(loop_scope="session")

HALF_DEAD = "http://half-dead.example.com:9080"
ELASTIC = "http://elastic.example.com:9080/"
REVIEWS = ("reviews-v1", "reviews-v2")


async def test_a_request_to_an_endpoint_that_refuses_connections_is_tried_at_another(mesh: CaptureMesh) -> None:
    replies = [await mesh.client.get(f"{HALF_DEAD}/") for _ in range(20)]

    assert {reply.instance for reply in replies} == {"reviews-v1"}
    assert "2" in {reply.saw("x-envoy-attempt-count") for reply in replies}


async def test_a_route_without_retries_shows_the_failure(mesh: CaptureMesh) -> None:
    status = {(await mesh.client.get(f"{HALF_DEAD}/once")).status for _ in range(20)}

    assert status == {200, 503}


async def test_equal_headers_lead_to_the_same_endpoint(mesh: CaptureMesh) -> None:
    seen = {
        user: {(await mesh.client.get("http://sticky:9080/", {"end-user": f"{user}"})).instance for _ in range(5)}
        for user in range(20)
    }

    assert all(len(instances) == 1 for instances in seen.values())
    assert len(set.union(*seen.values())) == 2


async def test_no_request_fails_while_endpoints_come_and_go(mesh: CaptureMesh) -> None:
    only_v1 = (mesh.config / "elastic.yaml").read_text()
    only_v2 = only_v1.replace(WORKLOADS["reviews-v1"].ip, WORKLOADS["reviews-v2"].ip)
    both = f"{only_v1}  - address: {WORKLOADS['reviews-v2'].ip}\n"

    over = asyncio.Event()
    load = asyncio.gather(*(mesh.client.instances_until(f"{ELASTIC}?sleep=0.02", over) for _ in range(8)))
    for text, *instances in ((both, *REVIEWS), (only_v2, REVIEWS[1]), (both, *REVIEWS), (only_v2, REVIEWS[1])):
        mesh.write("elastic.yaml", text)
        await mesh.client.answered_only_by(ELASTIC, *instances)
    over.set()

    assert set().union(*await load) == {*REVIEWS}
