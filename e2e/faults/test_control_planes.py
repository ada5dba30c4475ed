"""The control plane is killed, alone, as one of two behind one address, and with hundreds of proxies that come back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.addresses import Addresses
from e2e.faults.light_proxies import LightProxy, light_proxies
from e2e.faults.pair import SECURE_PORT, XDS_PORT, Pair, start_pair
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

ENVOYS = 3
LIGHT = 300
AWAY_SECONDS = 3.0


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory, envoy: Path, addresses: Addresses) -> AsyncIterator[Pair]:
    async with new_lab(tmp_path_factory.mktemp("pair"), envoy, addresses) as lab:
        put_services(lab.config)
        two = await start_pair(lab)
        lab.control_plane = addresses.new()
        way = balancer((lab.control_plane, XDS_PORT), [(each, XDS_PORT) for each in two.control_planes])
        await lab.stack.enter_async_context(way)
        yield two


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def mesh(pair: Pair) -> LoadMesh:
    return await start_proxies(pair.lab)


async def test_the_control_plane_is_killed(pair: Pair, mesh: LoadMesh, measured: list[Measured]) -> None:
    one, session, client = await pair.run_one(), pair.lab.session, mesh.client
    async with load(client, HOST, RATE) as traffic:
        await live(mesh, traffic, "v1")
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
        await live(mesh, traffic, "v2")
    assert sent.keys() == {"eds"}
    text = (
        f"all {ENVOYS} proxies are synchronised {seconds:.1f} s after it is ready; of what is unchanged it has sent "
        f"endpoints, in {sent['eds']} responses, as a proxy that was interrupted may wait for them, and nothing else"
    )
    record(measured, Fault.CONTROL_PLANE_KILLED, traffic, text)


async def test_one_of_two_control_planes_dies(pair: Pair, mesh: LoadMesh, measured: list[Measured]) -> None:
    await pair.run_both()
    dying = await pair.of("client.default")
    (other,) = pair.control_planes.keys() - {dying}
    before = await pushes(pair.lab.session, other)
    async with load(mesh.client, HOST, RATE) as traffic:
        await live(mesh, traffic, "v1")
        await pair.kill(dying)
        seconds = await live(mesh, traffic, "v2")
        await synced(pair.lab.session, other, ENVOYS)
        again = await live(mesh, traffic, "v1")
    after = await pushes(pair.lab.session, other)
    assert {name for name in after if after[name] != before.get(name, 0)} == {"eds", "rds"}
    text = (
        f"a change at that moment is live after {seconds:.1f} s, the next after {again:.2f} s; those that come to the "
        "other are sent the changed routes, and endpoints, but no cluster and no listener again"
    )
    record(measured, Fault.ONE_OF_TWO_DIES, traffic, text)


async def test_hundreds_of_proxies_come_back_at_once(pair: Pair, mesh: LoadMesh, measured: list[Measured]) -> None:
    one = await pair.run_one()
    names = await names_of(pair, one, "client.default")
    (routes,) = names[ROUTE]
    async with load(mesh.client, HOST, RATE) as traffic, AsyncExitStack() as stack:
        await live(mesh, traffic, "v1")
        light = await stack.enter_async_context(light_proxies(f"{one}:{SECURE_PORT}", pair.authority, LIGHT, names))
        await until(partial(all_have_another, light, routes, ""), f"{LIGHT} proxies are connected")
        before = light[0].versions[ROUTE][routes]
        await pair.kill(one)
        began = time.monotonic()
        await pair.start(one)
        ready = time.monotonic() - began
        await live(mesh, traffic, "v2")
        await until(partial(all_have_another, light, routes, before), "all have what has changed")
        took = time.monotonic() - began
        await synced(pair.lab.session, one, LIGHT + ENVOYS)
    assert {type_url for each in light for type_url in each.heard} == {ENDPOINT, ROUTE}
    text = (
        f"it is ready {ready:.1f} s after its start, and {took - ready:.1f} s later all have a change made then; "
        f"it has used {peak(pair.control_planes[one]):.0f} MB of memory at most"
    )
    record(measured, Fault.ALL_COME_BACK, traffic, text)


async def names_of(pair: Pair, control_plane: str, proxy: str) -> Mapping[TypeUrl, Sequence[str]]:
    """What a proxy asks for by name, by type."""
    url = f"http://{control_plane}:15014/debug/config_dump?proxyID={proxy}"
    dump = json.loads((await fetch(pair.lab.session, url, {})).body)
    endpoints = [each["cluster_name"] for each in dump["endpoints"]]
    return {ENDPOINT: endpoints, ROUTE: [each["name"] for each in dump["routes"]]}


async def all_have_another(light: Sequence[LightProxy], routes: str, before: str) -> bool:
    """Whether every proxy has another version of its routes than before."""
    return all(each.versions[ROUTE].get(routes, "") not in ("", before) for each in light)


def peak(child: Child) -> float:
    """The most memory that a process has used, in MB."""
    lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
