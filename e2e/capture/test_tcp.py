"""TCP through two capturing sidecars: declared, undeclared, and protocols in which the server speaks first."""

from __future__ import annotations

from collections import Counter

import pytest

from e2e.capture.mesh import CaptureMesh
from e2e.capture.topology import WORKLOADS
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="session")

REVIEWS = ["reviews-v1", "reviews-v2"]


async def test_a_tcp_port_of_a_service_leads_to_its_endpoints(mesh: CaptureMesh) -> None:
    answers = [await mesh.client.say("reviews", 9000, "one", "two") for _ in range(8)]

    assert all(answer in ([f"{name} one", f"{name} two"] for name in REVIEWS) for answer in answers)


@proves("VirtualService", "spec.tcp.route.weight", "spec.tcp.route.destination.subset")
async def test_connections_are_spread_by_weight(mesh: CaptureMesh) -> None:
    count = Counter([(await mesh.client.say("lines", 9000, "line"))[0] for _ in range(100)])

    assert set(count) == {f"{name} line" for name in REVIEWS}
    assert 45 <= count["reviews-v2 line"] <= 99, "75 % of 100, and seven standard deviations"


async def test_redis_is_tcp(mesh: CaptureMesh) -> None:
    (answer,) = await mesh.client.say("reviews", 6379, "PING")

    assert answer in [f"{name} PING" for name in REVIEWS]


@pytest.mark.parametrize("port", [3306, 3307, 27017], ids=["mysql", "tcp", "mongo"])
async def test_a_server_may_speak_first(mesh: CaptureMesh, port: int) -> None:
    greeting, answer = await mesh.client.listen_first("reviews", port, "hello")

    assert greeting.removeprefix("welcome to ") in REVIEWS
    assert answer in [f"{name} hello" for name in REVIEWS]


async def test_http_on_a_port_that_does_not_say_so_is_routed_as_http(mesh: CaptureMesh) -> None:
    reply = await mesh.client.get("http://guess:8000/")

    assert reply.instance in REVIEWS
    assert reply.headers["server"] == "envoy"
    assert reply.saw("x-request-id") is not None
    assert reply.received["peer"] == "127.0.0.6"


async def test_what_is_not_http_passes_on_a_port_that_does_not_say_what_it_is(mesh: CaptureMesh) -> None:
    (answer,) = await mesh.client.say("guess", 8001, "anything")

    assert answer in [f"{name} anything" for name in REVIEWS]


async def test_a_port_that_nobody_declared_passes_through_both_sidecars(mesh: CaptureMesh) -> None:
    reply = await mesh.client.get("http://v1.pods:7070/")

    assert (reply.instance, reply.received["peer"]) == ("reviews-v1", "127.0.0.6")
    assert reply.received["local"] == [WORKLOADS["reviews-v1"].ip, 7070]


async def test_the_server_may_speak_first_on_a_port_that_nobody_declared(mesh: CaptureMesh) -> None:
    answers = await mesh.client.listen_first("v1.pods", 7071, "hello")

    assert answers == ["welcome to reviews-v1", "reviews-v1 hello"]


@pytest.mark.parametrize("host", ["v1.pods", "localhost"])
@pytest.mark.parametrize("port", [15001, 15006])
async def test_a_connection_to_the_sidecars_own_ports_leads_nowhere(mesh: CaptureMesh, host: str, port: int) -> None:
    assert await mesh.client.say(host, port, "hello") == []


async def test_http_on_a_port_where_other_services_have_tcp(mesh: CaptureMesh) -> None:
    reply = await mesh.client.get("http://pages:9000/")
    (answer,) = await mesh.client.say("lines", 9000, "hello")

    assert (reply.instance in REVIEWS, reply.headers["server"]) == (True, "envoy")
    assert answer in [f"{name} hello" for name in REVIEWS]
