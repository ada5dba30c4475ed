"""gRPC without proxies: the client's own library asks the control plane where its calls go."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from e2e.lab import SERVICE_PORT, Lab
from e2e.proxyless.backend import backend
from e2e.services import route, service
from examples.bookinfo.topology import REPOSITORY
from xds.app.demo.bring_up import await_ready
from xds.app.demo.processes import Child, Command
from xds.app.grpc_bootstrap import grpc_bootstrap
from xds.app.proxy_spec import ProxySpec

_PORT = 8080
_FOLLOWS_SECONDS = 15.0
"""For a change of the configuration, or a reconnect: a gRPC client waits longer after each failed attempt."""


@dataclass(frozen=True)
class Client:
    """A process that makes gRPC calls."""

    lab: Lab
    ip: str

    async def answers(self, count: int, target: str = f"xds:///echo:{SERVICE_PORT}", **query: str) -> Counter[str]:
        """Which versions answered so many calls, or the status of those that failed."""
        url = f"http://{self.ip}:{_PORT}/calls"
        async with self.lab.session.get(url, params={"target": target, "count": str(count), **query}) as response:
            return Counter(json.loads(await response.text()))

    async def answered_by(self, *versions: str, **query: str) -> None:
        """Returns when 20 calls in a row are answered by these and by nobody else."""
        await self._until(lambda seen: set(seen) == set(versions), **query)

    async def fails_with(self, status: str) -> None:
        """Returns when 20 calls in a row fail in this way."""
        await self._until(lambda seen: all(answer.startswith(status) for answer in seen))

    async def _until(self, reached: Callable[[Counter[str]], bool], **query: str) -> None:
        deadline = time.monotonic() + _FOLLOWS_SECONDS
        while not reached(seen := await self.answers(20, **query)):
            assert time.monotonic() < deadline, f"answered by {seen}"
            await asyncio.sleep(0.05)

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[Counter[str]]:
        """Makes calls all the time; the value counts what answered them."""
        seen: Counter[str] = Counter()

        async def call_again_and_again() -> None:
            while True:
                seen.update(await self.answers(5))
                await asyncio.sleep(0.02)

        calling = asyncio.ensure_future(call_again_and_again())
        try:
            yield seen
            assert not calling.done(), calling
        finally:
            calling.cancel()
            await asyncio.wait((calling,))


@dataclass(frozen=True)
class Mesh:
    """What the tests change and look at."""

    control_plane: Child
    client: Client


@pytest.fixture
async def mesh(lab: Lab) -> Mesh:
    """Two versions of a service, each a gRPC server, a canary of 80% and 20%, and a client."""
    instances = {version: lab.addresses.new() for version in ("v1", "v2")}
    for version, address in instances.items():
        await lab.stack.enter_async_context(backend(version, f"{address}:{SERVICE_PORT}"))
    lab.write("service.yaml", service("echo", instances))
    lab.write("route.yaml", canary(80, 20))
    address = lab.addresses.new()
    async with asyncio.TaskGroup() as starting:
        control_plane = starting.create_task(lab.serve(address=address))
        client = starting.create_task(_client(lab, f"{address}:15010"))
    return Mesh(control_plane.result(), client.result())


async def _client(lab: Lab, xds: str) -> Client:
    spec = ProxySpec("client", "default", lab.addresses.new(), proxyless=True)
    bootstrap = lab.folder / "bootstrap.json"
    bootstrap.write_text(json.dumps(grpc_bootstrap(spec, xds)))
    argv = (sys.executable, "-m", "e2e.proxyless.caller", spec.ip, str(_PORT))
    child = await lab.processes.start(Command("client", argv, REPOSITORY, {"GRPC_XDS_BOOTSTRAP": str(bootstrap)}))
    await await_ready(lab.session, f"http://{spec.ip}:{_PORT}/", child)
    return Client(lab, spec.ip)


def canary(v1: int, v2: int) -> str:
    """Jason gets v2, nobody a service that does not exist, and everyone else one of both by weight."""
    return (
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: echo\nspec:\n"
        "  hosts: [echo]\n"
        "  http:\n"
        "  - match: [{headers: {end-user: {exact: jason}}}]\n"
        "    route: [{destination: {host: echo, subset: v2}}]\n"
        "  - match: [{headers: {end-user: {exact: nobody}}}]\n"
        "    route: [{destination: {host: nobody.example.com}}]\n"
        "  - route:\n"
        f"    - {{destination: {{host: echo, subset: v1}}, weight: {v1}}}\n"
        f"    - {{destination: {{host: echo, subset: v2}}, weight: {v2}}}\n"
    )


async def test_b45_b47_calls_follow_weights_headers_changes_and_removals(lab: Lab, mesh: Mesh) -> None:
    client = mesh.client
    seen = await client.answers(400)
    assert seen.keys() == {"v1", "v2"}
    assert 0.1 < seen["v2"] / 400 < 0.3
    assert await client.answers(20, user="jason") == {"v2": 20}
    assert all(status.startswith("UNAVAILABLE") for status in await client.answers(5, user="nobody"))
    full_name = f"xds:///echo.default.svc.cluster.local:{SERVICE_PORT}"
    assert await client.answers(20, full_name, user="jason") == {"v2": 20}

    lab.write("route.yaml", route("echo", "v1"))
    await client.answered_by("v1", user="jason")  # before the change never; of the canary's others, 20 in a row may be
    assert await client.answers(20) == {"v1": 20}

    declared = (lab.config / "service.yaml").read_text()
    (lab.config / "service.yaml").unlink()
    await client.fails_with("UNAVAILABLE")
    lab.write("service.yaml", declared)
    await client.answered_by("v1")


async def test_endpoints_rank_for_clients_without_a_proxy(lab: Lab, mesh: Mesh) -> None:
    """Version v1 comes first; the other one is for when it is gone."""
    lab.write("route.yaml", canary(0, 100))
    await mesh.client.answered_by("v2")  # of the canary's calls, 20 in a row may be v1's
    (lab.config / "route.yaml").unlink()
    setting = "localityLbSetting: {failoverPriority: ['version=v1']}"
    policy = f"  trafficPolicy: {{outlierDetection: {{}}, loadBalancer: {{{setting}}}}}\n"
    ranked = (lab.config / "service.yaml").read_text().replace("  host: echo\n", f"  host: echo\n{policy}")
    lab.write("service.yaml", ranked)
    await mesh.client.answered_by("v1")
    assert await mesh.client.answers(40) == {"v1": 40}

    lab.write("service.yaml", ranked.replace("app: echo\n    version: v1", "app: gone\n    version: v1"))
    await mesh.client.answered_by("v2")
    lab.write("service.yaml", ranked)
    await mesh.client.answered_by("v1")


async def test_b46_calls_outlive_the_control_plane_and_follow_its_successor(lab: Lab, mesh: Mesh) -> None:
    client = mesh.client
    await client.answered_by("v1", "v2")
    async with client.calling() as seen:
        await mesh.control_plane.stop()
        before = seen.total()
        await asyncio.sleep(0.5)
        assert seen.total() > before
        lab.write("route.yaml", canary(0, 100))
        await lab.serve(address=lab.control_plane)
        await client.answered_by("v2")
        lab.write("route.yaml", route("echo", "v1"))
        await client.answered_by("v1")
    assert seen.keys() == {"v1", "v2"}, "a call failed"
