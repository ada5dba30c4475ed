"""Hosts that the mesh does not know, what holds where no DestinationRule says otherwise, and names in statistics."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path

import pytest

from e2e.addresses import Addresses
from e2e.lab import SERVICE_PORT, Sidecar
from e2e.policy.instance import Instance, running
from e2e.proofs import proves
from e2e.services import service
from e2e.settings.world import World, until
from examples.bookinfo.topology import PROXY_HTTP_PORT
from xds.app.demo.shop import Answer, fetch

pytestmark = pytest.mark.asyncio(loop_scope="module")

CERTIFICATES = Path(__file__).parents[1] / "policy/certificates"
NAME = "secure.example.com"
"""What the server's certificate names."""


async def through(client: Sidecar, url: str) -> Answer:
    """The answer to a request for any host through the client's HTTP proxy."""
    return await fetch(client.lab.session, url, {}, f"http://{client.ip}:{PROXY_HTTP_PORT}")


async def new_instance(world: World, name: str, address: str, tls: ssl.SSLContext | None = None) -> Instance:
    """An instance that is no part of the mesh until a test makes it one."""
    return await world.lab.stack.enter_async_context(running(name, address, SERVICE_PORT, tls))


@proves("MeshConfig", "outboundTrafficPolicy.mode")
async def test_requests_for_unknown_hosts_go_where_dns_leads(world: World, addresses: Addresses) -> None:
    outside = await new_instance(world, "outside", addresses.new())
    url = f"http://{outside.address}:{SERVICE_PORT}/"
    assert (await through(world.client, url)).status == 502

    async def is_answered() -> bool:
        return (await through(world.client, url)).ok

    await world.configured("outboundTrafficPolicy: {mode: ALLOW_ANY_DYNAMIC_DNS}", is_answered)
    assert (await world.client.get("whole")).ok
    nowhere = await through(world.client, "http://no-such-host.invalid:80/")
    assert (nowhere.status, nowhere.body) == (503, "DNS resolution failure")


@proves(
    "MeshConfig",
    "outboundTrafficPolicy.tls.mode",
    "outboundTrafficPolicy.tls.sni",
    "outboundTrafficPolicy.tls.subjectAltNames",
    "outboundTrafficPolicy.tls.caCertificates",
    "outboundTrafficPolicy.tls.clientCertificate",
    "outboundTrafficPolicy.tls.privateKey",
)
async def test_they_go_there_with_the_tls_of_the_mesh(world: World, addresses: Addresses) -> None:
    names: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "server.key")
    context.load_verify_locations(CERTIFICATES / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    outside = await new_instance(world, "outside", addresses.new(), context)
    tls = {
        "mode": "MUTUAL",
        "sni": NAME,
        "subjectAltNames": [NAME],
        "caCertificates": str(CERTIFICATES / "ca.pem"),
        "clientCertificate": str(CERTIFICATES / "client.pem"),
        "privateKey": str(CERTIFICATES / "client.key"),
    }

    async def is_answered() -> bool:
        return (await through(world.client, f"http://{outside.address}:{SERVICE_PORT}/")).ok

    policy = {"mode": "ALLOW_ANY_DYNAMIC_DNS", "tls": tls}
    await world.configured(f"outboundTrafficPolicy: {json.dumps(policy)}", is_answered)
    assert set(names) == {NAME}

    async def is_refused() -> bool:
        return not await is_answered()

    others = {**policy, "tls": {**tls, "subjectAltNames": ["other.example.com"]}}
    await world.configured(f"outboundTrafficPolicy: {json.dumps(others)}", is_refused)
    unverified = {**policy, "tls": {"mode": "SIMPLE", "insecureSkipVerify": True}}
    context.verify_mode = ssl.CERT_NONE
    await world.configured(f"outboundTrafficPolicy: {json.dumps(unverified)}", is_answered)


@proves("MeshConfig", "defaultTrafficPolicy.outlierDetection.consecutive5xxErrors")
async def test_outlier_detection_of_the_mesh_ejects_who_fails(world: World, addresses: Addresses) -> None:
    good, bad = await new_instance(world, "good", addresses.new()), await new_instance(world, "bad", addresses.new())
    bad.status = 500
    world.lab.write("pair.yaml", service("pair", {"good": good.address, "bad": bad.address}))

    async def is_ejected() -> bool:
        await world.client.get("pair")
        gauge = f"cluster.outbound.{SERVICE_PORT}..pair.default.*outlier_detection.ejections_active"
        return await world.stat(world.client, gauge) == 1

    policy = "{outlierDetection: {consecutive5xxErrors: 1, maxEjectionPercent: 100, baseEjectionTime: 1h}}"
    await world.configured(f"defaultTrafficPolicy: {policy}", is_ejected)


@proves(
    "MeshConfig",
    "defaultTrafficPolicy.connectionPool.http.http1MaxPendingRequests",
    "defaultTrafficPolicy.connectionPool.tcp.maxConnections",
)
async def test_connection_pool_of_the_mesh_limits_who_waits(world: World, addresses: Addresses) -> None:
    slow = await new_instance(world, "slow", addresses.new())
    world.lab.write("slow.yaml", service("slow", {"v1": slow.address}))

    async def is_limited() -> bool:
        answer = await world.client.get("slow")
        gauge = f"cluster.outbound.{SERVICE_PORT}..slow.default.*circuit_breakers.default.remaining_pending"
        return answer.ok and await world.stat(world.client, gauge) == 1

    pool = "{tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}"
    await world.configured(f"defaultTrafficPolicy: {{connectionPool: {pool}}}", is_limited)
    slow.gate.clear()
    asking = [asyncio.create_task(world.client.get("slow")) for _ in range(4)]

    async def two_are_refused() -> bool:
        return sum(task.done() for task in asking) == 2

    await until(two_are_refused, "one request has the connection, one waits for it, and two are refused")
    slow.gate.set()
    answers = await asyncio.gather(*asking)
    assert sorted(answer.status for answer in answers) == [200, 200, 503, 503]


@proves("MeshConfig", "outboundClusterStatName")
async def test_clusters_are_called_in_statistics_as_the_mesh_says(world: World) -> None:
    async def is_called_so() -> bool:
        await world.client.get("whole")
        return await world.stat(world.client, "cluster.out/whole.default/9080/http.upstream_rq_total") > 0

    await world.configured("outboundClusterStatName: out/%SERVICE%/%SERVICE_PORT%/%SERVICE_PORT_NAME%", is_called_so)


@proves("MeshConfig", "inboundClusterStatName")
async def test_inbound_clusters_too(world: World) -> None:
    async def is_called_so() -> bool:
        assert (await world.client.get("inside")).ok
        return await world.stat(world.inside, "cluster.in/inside.default/9080.upstream_rq_total") > 0

    await world.configured("inboundClusterStatName: in/%SERVICE%/%TARGET_PORT%", is_called_so)
