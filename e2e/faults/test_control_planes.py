"""The control plane is killed, alone, as one of two behind one address, and with hundreds of proxies that come back."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.addresses import Addresses
from e2e.faults.light_proxies import LightProxy, light_proxies
from e2e.faults.secured import until
from e2e.faults.steps import RATE, live, record
from e2e.faults.table import Fault, Measured
from e2e.lab import new_lab
from e2e.load import load
from e2e.load_forwarder import balancer
from e2e.load_mesh import HOST, LoadMesh, put_services, start_proxies
from e2e.load_stats import pushes, resource_changes, synced
from xds.app.demo.processes import Child
from xds.app.demo.shop import fetch
from xds.resources import ENDPOINT, ROUTE, TypeUrl

pytestmark = pytest.mark.asyncio(loop_scope="module")

XDS_PORT = 15010
ENVOYS = 3
LIGHT = 300
AWAY_SECONDS = 3.0


@dataclass
class Pair:
    """A mesh with two control planes, by their addresses, which read the same folder."""

    mesh: LoadMesh
    control_planes: dict[str, Child]

    async def of(self, name: str) -> str:
        """The address of the one that a proxy is connected to."""
        for address, child in self.control_planes.items():
            if child.running:
                answer = await fetch(self.mesh.lab.session, f"http://{address}:15014/debug/syncz", {})
                if any(each["proxy"] == name for each in json.loads(answer.body)):
                    return address
        raise AssertionError(f"{name} is not connected")

    async def run_both(self) -> None:
        """Starts whichever does not run."""
        for address, child in self.control_planes.items():
            if not child.running:
                await self.start(address)

    async def run_one(self) -> str:
        """Kills all but one; gives that one's address."""
        first, *others = [address for address, child in self.control_planes.items() if child.running]
        for address in others:
            await self.kill(address)
        return first

    async def kill(self, address: str) -> None:
        """SIGKILL."""
        self.control_planes[address].send(signal.SIGKILL)
        await self.control_planes[address].wait()

    async def start(self, address: str) -> None:
        """Starts one that was killed, where it was."""
        lab = self.mesh.lab
        proxies_use = lab.control_plane
        self.control_planes[address] = await lab.serve(address=address)
        lab.control_plane = proxies_use


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory, envoy: Path, addresses: Addresses) -> AsyncIterator[Pair]:
    async with new_lab(tmp_path_factory.mktemp("pair"), envoy, addresses) as lab:
        put_services(lab.config)
        two = {address: await lab.serve(address=address) for address in (addresses.new(), addresses.new())}
        lab.control_plane = addresses.new()
        way = balancer((lab.control_plane, XDS_PORT), [(each, XDS_PORT) for each in two])
        await lab.stack.enter_async_context(way)
        yield Pair(await start_proxies(lab), two)


async def test_the_control_plane_is_killed(pair: Pair, measured: list[Measured]) -> None:
    one, session, client = await pair.run_one(), pair.mesh.lab.session, pair.mesh.client
    async with load(client, HOST, RATE) as traffic:
        await live(pair.mesh, traffic, "v1")
        await synced(session, one, ENVOYS)
        before = await resource_changes(client)
        await pair.kill(one)
        await asyncio.sleep(AWAY_SECONDS)
        await pair.start(one)
        back = time.monotonic()
        await synced(session, one, ENVOYS)
        seconds = time.monotonic() - back
        sent = await pushes(session, one)
        assert await resource_changes(client) == before
        await live(pair.mesh, traffic, "v2")
    assert sent.keys() == {"eds"}
    text = (
        f"all {ENVOYS} proxies are synchronised {seconds:.1f} s after it is ready; of what is unchanged it has sent "
        f"endpoints, in {sent['eds']} responses, as a proxy that was interrupted may wait for them, and nothing else"
    )
    record(measured, Fault.CONTROL_PLANE_KILLED, traffic, text)


async def test_one_of_two_control_planes_dies(pair: Pair, measured: list[Measured]) -> None:
    await pair.run_both()
    dying = await pair.of("client.default")
    (other,) = pair.control_planes.keys() - {dying}
    before = await pushes(pair.mesh.lab.session, other)
    async with load(pair.mesh.client, HOST, RATE) as traffic:
        await live(pair.mesh, traffic, "v1")
        await pair.kill(dying)
        seconds = await live(pair.mesh, traffic, "v2")
        await synced(pair.mesh.lab.session, other, ENVOYS)
        again = await live(pair.mesh, traffic, "v1")
    after = await pushes(pair.mesh.lab.session, other)
    assert {name for name in after if after[name] != before.get(name, 0)} == {"eds", "rds"}
    text = (
        f"a change at that moment is live after {seconds:.1f} s, the next after {again:.2f} s; those that come to the "
        "other are sent the changed routes, and endpoints, but no cluster and no listener again"
    )
    record(measured, Fault.ONE_OF_TWO_DIES, traffic, text)


async def test_hundreds_of_proxies_come_back_at_once(pair: Pair, measured: list[Measured]) -> None:
    one = await pair.run_one()
    names = await names_of(pair, one, "client.default")
    (routes,) = names[ROUTE]
    async with load(pair.mesh.client, HOST, RATE) as traffic, AsyncExitStack() as stack:
        await live(pair.mesh, traffic, "v1")
        light = await stack.enter_async_context(light_proxies(f"{one}:{XDS_PORT}", LIGHT, names))
        await until(partial(all_have_another, light, routes, ""), f"{LIGHT} proxies are connected")
        before = light[0].versions[ROUTE][routes]
        await pair.kill(one)
        began = time.monotonic()
        await pair.start(one)
        ready = time.monotonic() - began
        await live(pair.mesh, traffic, "v2")
        await until(partial(all_have_another, light, routes, before), "all have what has changed")
        took = time.monotonic() - began
        await synced(pair.mesh.lab.session, one, LIGHT + ENVOYS)
    assert {type_url for each in light for type_url in each.heard} == {ENDPOINT, ROUTE}
    text = (
        f"it is ready {ready:.1f} s after its start, and {took - ready:.1f} s later all have a change made then; "
        f"it has used {peak(pair.control_planes[one]):.0f} MB of memory at most"
    )
    record(measured, Fault.ALL_COME_BACK, traffic, text)


async def names_of(pair: Pair, control_plane: str, proxy: str) -> Mapping[TypeUrl, Sequence[str]]:
    """What a proxy asks for by name, by type."""
    url = f"http://{control_plane}:15014/debug/config_dump?proxyID={proxy}"
    dump = json.loads((await fetch(pair.mesh.lab.session, url, {})).body)
    endpoints = [each["cluster_name"] for each in dump["endpoints"]]
    return {ENDPOINT: endpoints, ROUTE: [each["name"] for each in dump["routes"]]}


async def all_have_another(light: Sequence[LightProxy], routes: str, before: str) -> bool:
    """Whether every proxy has another version of its routes than before."""
    return all(each.versions[ROUTE].get(routes, "") not in ("", before) for each in light)


def peak(child: Child) -> float:
    """The most memory that a process has used, in MB."""
    lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
