"""How connections to a service are made: HTTP versions, limits, the PROXY protocol, tunnels."""

from __future__ import annotations

import asyncio
import json

import pytest

from e2e.lab import Sidecar
from e2e.policy.http_proxy import HttpProxy, http_proxy
from e2e.policy.mesh import PolicyMesh, document
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="module")


def http(**settings: object) -> object:
    return {"connectionPool": {"http": settings}}


@proves("DestinationRule", "spec.trafficPolicy.connectionPool.http.h2UpgradePolicy", "spec.host")
@pytest.mark.parametrize(
    ("name", "policy", "protocol"),
    [
        ("upgraded", "UPGRADE", "HTTP/2"),
        ("not-upgraded", "DO_NOT_UPGRADE", "HTTP/1.1"),
        ("by-default", "DEFAULT", "HTTP/1.1"),
    ],
)
async def test_the_server_sees_the_version_that_is_asked_for(
    mesh: PolicyMesh, name: str, policy: str, protocol: str
) -> None:
    await mesh.add(name, http(h2UpgradePolicy=policy), [await mesh.instance("a")])
    assert (await mesh.ask(name)).received["protocol"] == protocol


@proves("DestinationRule", "spec.trafficPolicy.connectionPool.http.useClientProtocol")
async def test_the_server_sees_the_clients_version(mesh: PolicyMesh) -> None:
    """The client speaks HTTP/1.1, and the port is one for HTTP/2."""
    await mesh.add("as-port", None, [await mesh.instance("a")], port="http2")
    assert (await mesh.ask("as-port")).received["protocol"] == "HTTP/2"
    await mesh.add("as-client", http(useClientProtocol=True), [await mesh.instance("a")], port="http2")
    assert (await mesh.ask("as-client")).received["protocol"] == "HTTP/1.1"


@proves("DestinationRule", "spec.trafficPolicy.connectionPool.http.http2KeepAlive.interval")
async def test_http2_connections_are_pinged(mesh: PolicyMesh) -> None:
    instance = await mesh.instance("a")
    pings = {"interval": "0.1s", "timeout": "10s"}
    await mesh.add("pinged", http(h2UpgradePolicy="UPGRADE", http2KeepAlive=pings), [instance])

    async def is_pinged_again() -> bool:
        return instance.pings > 1

    await mesh.until(is_pinged_again, "a second ping")
    assert instance.connections == 1


@proves("DestinationRule", "spec.trafficPolicy.connectionPool.http.maxRequestsPerConnection")
async def test_a_connection_ends_after_so_many_requests(mesh: PolicyMesh) -> None:
    await mesh.add("three-each", http(maxRequestsPerConnection=3), [await mesh.instance("a")])
    numbers = [(await mesh.ask("three-each")).received["connection"] for _ in range(30)]
    assert max(numbers.count(number) for number in numbers) == 3


async def test_without_a_limit_a_connection_is_kept(mesh: PolicyMesh) -> None:
    await mesh.add("unlimited", None, [await mesh.instance("a")])
    assert {(await mesh.ask("unlimited")).received["connection"] for _ in range(30)} == {1}


@proves(
    "DestinationRule",
    "spec.trafficPolicy.connectionPool.tcp.maxConnections",
    "spec.trafficPolicy.connectionPool.http.http1MaxPendingRequests",
)
async def test_what_may_not_wait_for_a_connection_is_refused(mesh: PolicyMesh) -> None:
    """One connection, and room for one more request to wait for it."""
    instance = await mesh.instance("a")
    pool = {"tcp": {"maxConnections": 1}, "http": {"http1MaxPendingRequests": 1}}
    await mesh.add("narrow", {"connectionPool": pool}, [instance])
    instance.gate.clear()
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(mesh.ask("narrow")) for _ in range(5)]

        async def most_are_refused() -> bool:
            return sum(each.done() for each in asked) == 3

        await mesh.until(most_are_refused, "three refusals")
        instance.gate.set()
    answers = [each.result() for each in asked]
    assert sorted(each.status for each in answers) == [200, 200, 503, 503, 503]
    assert {each.headers.get("x-envoy-overloaded") for each in answers if each.status == 503} == {"true"}


@proves("DestinationRule", "spec.trafficPolicy.proxyProtocol.version")
@pytest.mark.parametrize("version", ["V1", "V2"])
async def test_the_server_is_told_who_the_client_is(mesh: PolicyMesh, version: str) -> None:
    name = f"announced-{version.lower()}"
    await mesh.add(name, {"proxyProtocol": {"version": version}}, [await mesh.instance("a")])
    announced = str((await mesh.ask(name)).received["announced"]).split()
    if version == "V1":
        assert announced[:3] == ["PROXY", "TCP4", "127.0.0.1"]
        assert announced[3] == mesh.client.ip
    else:
        assert announced == ["2", "1", "127.0.0.1"]


PROXY_PORT = 3128


async def tunnelling_client(mesh: PolicyMesh, proxy: HttpProxy, name: str, tunnel: object) -> Sidecar:
    """A client with a listener for TCP, all of which goes to the HTTP proxy."""
    ip = mesh.lab.addresses.new()
    ports = [{"name": "tcp", "port": PROXY_PORT}]
    endpoint = {"address": proxy.address, "labels": {"app": name}}
    egress = {
        "port": {"number": PROXY_PORT, "name": "tcp", "protocol": "TCP"},
        "bind": ip,
        "hosts": [f"./{name}.default.svc.cluster.local"],
    }
    sidecar = {"workloadSelector": {"labels": {"app": name}}, "egress": [egress]}
    documents = (
        document("Service", name, {"selector": {"app": name}, "ports": ports}),
        document("WorkloadEntry", name, endpoint),
        document("DestinationRule", name, {"host": name, "trafficPolicy": {"tunnel": tunnel}}),
        document("Sidecar", name, sidecar),
    )
    mesh.lab.write(f"{name}.yaml", "---\n".join(f"{json.dumps(each)}\n" for each in documents))
    return await mesh.lab.sidecar(name, {"app": name}, ip=ip)


@proves(
    "DestinationRule",
    "spec.trafficPolicy.tunnel.protocol",
    "spec.trafficPolicy.tunnel.targetHost",
    "spec.trafficPolicy.tunnel.targetPort",
)
@pytest.mark.parametrize("method", ["CONNECT", "POST"])
async def test_tcp_goes_through_an_http_proxy(mesh: PolicyMesh, method: str) -> None:
    target = await mesh.instance("a")
    async with http_proxy(mesh.lab.addresses.new(), PROXY_PORT, (target.address, target.port)) as proxy:
        tunnel = {"protocol": method, "targetHost": "target.example.com", "targetPort": 9999}
        client = await tunnelling_client(mesh, proxy, f"tunnel-{method.lower()}", tunnel)

        reader, writer = await asyncio.open_connection(client.ip, PROXY_PORT)
        writer.write(b"GET /through HTTP/1.1\r\nhost: a\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        received = json.loads(await reader.readuntil(b"}}"))
        writer.close()

    assert (received["instance"], received["path"]) == ("a", "/through")
    assert proxy.requests == [(method, "target.example.com:9999")]
