"""Listeners that a Sidecar declares for what a client sends, and where it sends what nobody knows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from e2e.lab import SERVICE_PORT
from e2e.proofs import proves
from e2e.sidecar.world import FAR, World, document, service, who

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEAR = "./near.default.svc.cluster.local"
WIRE_PORT = 9500
ROUTED = "x-request-id"
"""A header that a proxy adds to requests, and not to what it passes on without looking."""


async def add_wire(world: World) -> None:
    """wire: a service for TCP, whose instance tells what it was sent as a request."""
    world.write("wire", *service("wire", await world.instance("wire"), tcp=WIRE_PORT))


def headers(body: str) -> set[str]:
    received = json.loads(body)["headers"]
    assert isinstance(received, dict)
    return set(received)


@proves("Sidecar", "spec.egress.bind", "spec.egress.port.number", "spec.egress.port.protocol")
async def test_listeners_on_addresses_and_ports_of_their_own(world: World) -> None:
    """Each has what its hosts name and no more, and of that what is on its port."""
    await add_wire(world)
    requests, connections = world.lab.addresses.new(), world.lab.addresses.new()
    http = {"port": {"number": SERVICE_PORT, "protocol": "HTTP"}, "bind": requests, "hosts": [NEAR]}
    tcp = {"port": {"number": WIRE_PORT, "protocol": "TCP"}, "bind": connections, "hosts": ["./*"]}
    world.declare("client", {"egress": [http, tcp]})

    async def asked(address: str, port: int, host: str) -> str:
        return (await world.dial(world.client, f"http://{address}:{port}/", address, {"host": host})).body

    async def listens() -> bool:
        return "near" in await asked(requests, SERVICE_PORT, "near") and "wire" in (
            await asked(connections, WIRE_PORT, "whoever")
        )

    await world.until(listens, "answers on both listeners")
    assert ROUTED in headers(await asked(requests, SERVICE_PORT, "near"))
    assert ROUTED not in headers(await asked(connections, WIRE_PORT, "whoever"))
    assert who(await world.dial(world.client, f"http://{requests}:{SERVICE_PORT}/", requests, {"host": FAR})) == "502"


async def test_without_a_catch_all_there_is_no_http_proxy(world: World) -> None:
    bind = world.lab.addresses.new()
    http = {"port": {"number": SERVICE_PORT, "protocol": "HTTP"}, "bind": bind, "hosts": [NEAR]}
    world.declare("client", {"egress": [http]})
    await world.until_called("near", "0")


@proves("Sidecar", "spec.egress.bind")
async def test_requests_on_a_unix_socket_say_host_and_port(world: World, tmp_path: Path) -> None:
    socket = f"unix://{tmp_path}/out.sock"
    world.declare("client", {"egress": [{"port": {"protocol": "HTTP"}, "bind": socket, "hosts": [NEAR]}]})

    async def asked(host: str) -> str:
        return who(await world.dial(world.client, f"http://{host}/", socket))

    async def answers() -> bool:
        return await asked(f"near:{SERVICE_PORT}") == "near"

    await world.until(answers, "an answer on the socket")
    assert (await asked("near"), await asked(f"{FAR}:{SERVICE_PORT}")) == ("502", "502")


async def test_connections_on_a_unix_socket_are_for_the_service_in_scope(world: World, tmp_path: Path) -> None:
    await add_wire(world)
    socket = f"unix://{tmp_path}/wire.sock"
    hosts = ["./wire.default.svc.cluster.local"]
    world.declare("client", {"egress": [{"port": {"protocol": "TCP"}, "bind": socket, "hosts": hosts}]})

    async def answers() -> bool:
        return who(await world.dial(world.client, "http://whoever/", socket)) == "wire"

    await world.until(answers, "an answer on the socket")
    assert ROUTED not in headers((await world.dial(world.client, "http://whoever/", socket)).body)


@proves("Sidecar", "spec.egress.port.protocol")
async def test_a_protocol_decides_whether_requests_are_seen(world: World) -> None:
    """The same port and service, once as requests and once as bytes."""
    await add_wire(world)
    world.write("both", *service("both", await world.instance("both"), undeclared=WIRE_PORT + 1))
    for protocol, seen in (("TCP", False), ("HTTP", True)):
        bind = world.lab.addresses.new()
        port = {"number": WIRE_PORT + 1, "protocol": protocol}
        world.declare(
            "client", {"egress": [{"port": port, "bind": bind, "hosts": ["./both.default.svc.cluster.local"]}]}
        )
        url, host = f"http://{bind}:{WIRE_PORT + 1}/", {"host": "both"}

        async def answers(url: str = url, bind: str = bind, host: dict[str, str] = host) -> bool:
            return who(await world.dial(world.client, url, bind, host)) == "both"

        await world.until(answers, f"an answer over {protocol}")
        assert (ROUTED in headers((await world.dial(world.client, url, bind, host)).body)) is seen


@proves(
    "Sidecar",
    "spec.outboundTrafficPolicy.egressProxy.host",
    "spec.outboundTrafficPolicy.egressProxy.port.number",
    "spec.outboundTrafficPolicy.egressProxy.subset",
)
async def test_unknown_hosts_are_left_to_a_proxy(world: World) -> None:
    """One that the hosts do not name itself."""
    subsets = [{"name": name, "labels": {"zone": name}} for name in ("eu", "us")]
    documents = [document("DestinationRule", "out", {"host": "out", "subsets": subsets})]
    spec = {"selector": {"app": "out"}, "ports": [{"name": "http-other", "port": 81}, {"name": "http", "port": 9080}]}
    documents.append(document("Service", "out", spec))
    for zone in ("eu", "us"):
        entry = {"address": (await world.instance(zone)).address, "labels": {"app": "out", "zone": zone}}
        documents.append(document("WorkloadEntry", f"out-{zone}", entry))
    world.write("out", *documents)
    await world.until_called("out", "eu")
    for zone in ("us", "eu"):
        proxy = {"host": "out.default.svc.cluster.local", "subset": zone, "port": {"number": 9080}}
        world.egress(NEAR, outboundTrafficPolicy={"mode": "ALLOW_ANY", "egressProxy": proxy})
        await world.until_called("unknown.example.com", zone)
    assert (await world.called("near"), await world.called("out")) == ("near", "eu")
    world.egress(NEAR, outboundTrafficPolicy={"mode": "REGISTRY_ONLY"})
    await world.until_called("unknown.example.com", "502")
