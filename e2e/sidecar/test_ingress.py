"""Where a workload receives what its Sidecar's ingress listeners take, and the limits on the way to it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from aiohttp import web

from e2e.echo import echo_server
from e2e.policy.instance import Instance
from e2e.proofs import proves
from e2e.sidecar.world import World, document, who

pytestmark = pytest.mark.asyncio(loop_scope="module")

APPLICATION = 1000
"""An application listens on the port of its listener and so many more."""

Pool = Mapping[str, object]
Spec = Mapping[str, object]


def listener(port: int, endpoint: str = "", protocol: str = "HTTP", **more: object) -> Spec:
    given = {"defaultEndpoint": endpoint} if endpoint else {}
    return {"port": {"number": port, "protocol": protocol, "name": "a-port"}, **given, **more}


def own(port: int) -> str:
    """The workload's own address, and the application's port."""
    return f"0.0.0.0:{port + APPLICATION}"


@proves("Sidecar", "spec.ingress.defaultEndpoint", "spec.ingress.port.number", "spec.ingress.port.protocol")
async def test_a_listener_leads_to_a_port_of_the_workloads_address(world: World) -> None:
    await world.instance("app", world.server.ip, 7100 + APPLICATION)
    for protocol, routed in (("HTTP", True), ("TCP", False)):
        world.declare("server", {"ingress": [listener(7100, own(7100), protocol)]})

        async def takes(routed: bool = routed) -> bool:
            answer = await world.receive(7100)
            return who(answer) == "app" and ("x-request-id" in json.loads(answer.body)["headers"]) is routed

        await world.until(takes, f"an answer over {protocol}")


@proves("Sidecar", "spec.ingress.defaultEndpoint")
async def test_a_listener_leads_to_loopback(world: World) -> None:
    async with echo_server("local", "127.0.0.1") as port:
        world.declare("server", {"ingress": [listener(7101, f"127.0.0.1:{port}")]})
        await world.until_received(7101, "local")


async def test_without_an_endpoint_it_is_the_same_port_of_loopback(world: World) -> None:
    async with echo_server("same", "127.0.0.1") as port:
        world.declare("server", {"ingress": [listener(port)]})
        await world.until_received(port, "same")


@proves("Sidecar", "spec.ingress.bind")
async def test_a_listener_binds_the_address_that_is_given(world: World) -> None:
    await world.instance("app", world.server.ip, 7102 + APPLICATION)
    bind = world.lab.addresses.new()
    world.declare("server", {"ingress": [listener(7102, own(7102), bind=bind)]})

    async def takes() -> bool:
        return who(await world.dial(world.server, f"http://{bind}:7102/", bind)) == "app"

    await world.until(takes, "an answer at the address")
    assert (await world.receive(7102)).status == 0


@asynccontextmanager
async def on_socket(path: Path) -> AsyncIterator[None]:
    """An application on a Unix socket."""

    async def answer(_request: web.BaseRequest) -> web.Response:
        return web.json_response({"instance": "socket"})

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    try:
        await web.UnixSite(runner, path).start()
        yield
    finally:
        await runner.cleanup()


@proves("Sidecar", "spec.ingress.defaultEndpoint")
async def test_a_listener_leads_to_a_unix_socket(world: World, tmp_path: Path) -> None:
    world.lab.witness = None  # the application cannot tell its address
    async with on_socket(tmp_path / "app.sock"):
        world.declare("server", {"ingress": [listener(7103, f"unix://{tmp_path}/app.sock")]})
        await world.until_received(7103, "socket")


async def test_what_it_receives_by_has_a_port_that_it_sends_by_too(world: World) -> None:
    await world.instance("app", world.server.ip, 7104 + APPLICATION)
    egress = {"port": {"number": 7104, "protocol": "HTTP"}, "hosts": ["*/*"]}
    world.declare("server", {"ingress": [listener(7104, own(7104))], "egress": [egress]})
    await world.until_received(7104, "app")


PORTS = iter(range(7200, 7900))
"""Each test takes one, as the listeners before it may still be closing."""


class Limited:
    """A port of the server that leads to an instance under a connection pool."""

    def __init__(self, world: World, where: str, instance: Instance, port: int) -> None:
        self.world, self.where, self.instance, self.port = world, where, instance, port

    @classmethod
    async def under(cls, world: World, where: str, pool: Pool, protocol: str = "HTTP") -> Limited:
        """Waits until it answers. where: which of Istio's three places has the pool."""
        port = next(PORTS)
        made = cls(world, where, await world.instance("app", world.server.ip, port + APPLICATION), port)
        own_pool = {"connectionPool": pool} if where == "port" else {}
        of_all = {"inboundConnectionPool": pool} if where == "all ports" else {}
        if where == "rule":
            world.write("served", *served(world.server.ip, port, pool))
        world.declare("server", {"ingress": [listener(port, own(port), protocol, **own_pool)], **of_all})
        await world.until_received(port, "app")
        return made

    async def ask(self) -> str:
        return who(await self.world.receive(self.port))

    async def connection(self) -> object:
        """The number of the connection that a request came by."""
        return json.loads((await self.world.receive(self.port)).body)["connection"]

    async def until_stat(self, name: str) -> None:
        async def is_counted() -> bool:
            return await self.world.stat(self.world.server, f"inbound.{self.port}..", name) > 0

        await self.world.until(is_counted, f"{name} of port {self.port}")

    async def at_once(self, count: int, refused: int) -> list[str]:
        """The answers to so many requests at once, of which so many have an answer before the instance gives any."""
        self.instance.gate.clear()
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(self.ask()) for _ in range(count)]

            async def are_refused() -> bool:
                return sum(each.done() for each in asked) == refused

            await self.world.until(are_refused, f"{refused} refusals")
            self.instance.gate.set()
        return sorted(each.result() for each in asked)


def served(address: str, port: int, pool: Pool) -> Iterator[object]:
    """A service that the server serves, with the pool in its DestinationRule."""
    spec = {"selector": {"app": "served"}, "ports": [{"name": "http", "port": port}]}
    yield document("Service", "served", spec)
    yield document("WorkloadEntry", "served", {"address": address, "labels": {"app": "served"}})
    yield document("DestinationRule", "served", {"host": "served", "trafficPolicy": {"connectionPool": pool}})


everywhere = pytest.mark.parametrize("where", ["port", "all ports", "rule"])
on_sidecars = pytest.mark.parametrize("where", ["port", "all ports"])


@everywhere
@proves("Sidecar", "spec.ingress.connectionPool.http.http2MaxRequests")
@proves("Sidecar", "spec.inboundConnectionPool.http.http2MaxRequests")
async def test_requests_that_are_too_many_are_refused(world: World, where: str) -> None:
    limited = await Limited.under(world, where, {"http": {"http2MaxRequests": 1}})
    assert await limited.at_once(4, refused=3) == ["503", "503", "503", "app"]
    world.write("served")


@on_sidecars
@proves(
    "Sidecar",
    "spec.ingress.connectionPool.http.http1MaxPendingRequests",
    "spec.ingress.connectionPool.tcp.maxConnections",
)
@proves(
    "Sidecar",
    "spec.inboundConnectionPool.http.http1MaxPendingRequests",
    "spec.inboundConnectionPool.tcp.maxConnections",
)
async def test_what_may_not_wait_for_a_connection_is_refused(world: World, where: str) -> None:
    pool = {"tcp": {"maxConnections": 1}, "http": {"http1MaxPendingRequests": 1}}
    limited = await Limited.under(world, where, pool)
    assert await limited.at_once(4, refused=2) == ["503", "503", "app", "app"]


@on_sidecars
@proves("Sidecar", "spec.ingress.connectionPool.http.maxRequestsPerConnection")
@proves("Sidecar", "spec.inboundConnectionPool.http.maxRequestsPerConnection")
async def test_a_connection_ends_after_so_many_requests(world: World, where: str) -> None:
    limited = await Limited.under(world, where, {"http": {"maxRequestsPerConnection": 3}})
    numbers = [await limited.connection() for _ in range(12)]
    assert max(numbers.count(number) for number in numbers) == 3


@on_sidecars
@proves("Sidecar", "spec.ingress.connectionPool.http.idleTimeout")
@proves("Sidecar", "spec.inboundConnectionPool.http.idleTimeout")
async def test_a_connection_without_requests_is_closed(world: World, where: str) -> None:
    limited = await Limited.under(world, where, {"http": {"idleTimeout": "0.1s"}})
    await limited.until_stat("upstream_cx_idle_timeout")


@on_sidecars
@proves("Sidecar", "spec.ingress.connectionPool.tcp.maxConnectionDuration")
@proves("Sidecar", "spec.inboundConnectionPool.tcp.maxConnectionDuration")
async def test_a_connection_ends_after_a_time(world: World, where: str) -> None:
    limited = await Limited.under(world, where, {"tcp": {"maxConnectionDuration": "0.3s"}})
    await limited.until_stat("upstream_cx_max_duration_reached")


@on_sidecars
@proves("Sidecar", "spec.ingress.connectionPool.tcp.idleTimeout")
@proves("Sidecar", "spec.inboundConnectionPool.tcp.idleTimeout")
async def test_a_connection_on_which_nothing_is_said_is_closed(world: World, where: str) -> None:
    limited = await Limited.under(world, where, {"tcp": {"idleTimeout": "0.2s"}}, "TCP")
    reader, writer = await asyncio.open_connection(world.server.ip, limited.port)
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    writer.close()


@on_sidecars
@proves("Sidecar", "spec.ingress.connectionPool.http.useClientProtocol")
@proves("Sidecar", "spec.inboundConnectionPool.http.useClientProtocol")
async def test_the_workload_is_spoken_to_as_the_client_speaks(world: World, where: str) -> None:
    """The client speaks HTTP/1.1, and the port is one for HTTP/2."""
    asked = await Limited.under(world, where, {}, "HTTP2")
    assert json.loads((await world.receive(asked.port)).body)["protocol"] == "HTTP/2"
    asked = await Limited.under(world, where, {"http": {"useClientProtocol": True}}, "HTTP2")
    assert json.loads((await world.receive(asked.port)).body)["protocol"] == "HTTP/1.1"


@on_sidecars
@proves("Sidecar", "spec.ingress.connectionPool.http.maxConcurrentStreams")
@proves("Sidecar", "spec.inboundConnectionPool.http.maxConcurrentStreams")
async def test_an_http2_connection_has_so_many_streams(world: World, where: str) -> None:
    """The server takes the requests of a connection one after the other, so that two that wait have one each."""
    limited = await Limited.under(world, where, {"http": {"maxConcurrentStreams": 1}}, "HTTP2")
    limited.instance.gate.clear()
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(limited.connection()) for _ in range(2)]

        async def both_wait() -> bool:
            return limited.instance.waiting == 2

        await world.until(both_wait, "two requests that wait")
        limited.instance.gate.set()
    assert len({each.result() for each in asked}) == 2


@on_sidecars
@proves("Sidecar", "spec.ingress.connectionPool.http.http2KeepAlive.interval")
@proves("Sidecar", "spec.inboundConnectionPool.http.http2KeepAlive.interval")
async def test_http2_connections_are_pinged(world: World, where: str) -> None:
    pool = {"http": {"http2KeepAlive": {"interval": "0.1s", "timeout": "10s"}}}
    limited = await Limited.under(world, where, pool, "HTTP2")

    async def is_pinged_again() -> bool:
        return limited.instance.pings > 1

    await world.until(is_pinged_again, "a second ping")


@contextmanager
def deaf(address: str, port: int) -> Iterator[None]:
    """Something listens, but its queue is full: connections to it never come about."""
    with socket.create_server((address, port), backlog=0), socket.create_connection((address, port)):
        yield


@on_sidecars
@proves("Sidecar", "spec.ingress.connectionPool.tcp.connectTimeout")
@proves("Sidecar", "spec.inboundConnectionPool.tcp.connectTimeout")
async def test_a_connection_has_to_come_about_in_time(world: World, where: str) -> None:
    """By default it has ten seconds. The first request may still meet the end of a connection that there was."""
    limited = await Limited.under(world, where, {"tcp": {"connectTimeout": "0.1s"}})
    await limited.instance.stop()

    async def is_in_vain() -> bool:
        assert await limited.ask() == "503"
        return await world.stat(world.server, f"inbound.{limited.port}..", "upstream_cx_connect_timeout") > 0

    with deaf(world.server.ip, limited.port + APPLICATION):
        async with asyncio.timeout(8):
            await world.until(is_in_vain, "a connection that takes too long")


def timers(address: str, port: int) -> set[str]:
    """Of the connections to an address and port, as Linux has them."""
    there = f"{int.from_bytes(socket.inet_aton(address), 'little'):08X}:{port:04X}"
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return {row[5].partition(":")[0] for row in rows if row[2] == there and row[3] == "01"}


@on_sidecars
@proves("Sidecar", "spec.ingress.connectionPool.tcp.tcpKeepalive.time")
@proves("Sidecar", "spec.inboundConnectionPool.tcp.tcpKeepalive.time")
async def test_a_connection_is_kept_alive(world: World, where: str) -> None:
    """Nothing else makes the system wait for something on a connection that is idle. ``02`` is that timer."""
    limited = await Limited.under(world, where, {"tcp": {"tcpKeepalive": {"time": "1000s"}}})

    async def is_kept() -> bool:
        return timers(world.server.ip, limited.port + APPLICATION) == {"02"}

    await world.until(is_kept, "the timer of a connection that is kept alive")
