"""Versions are content: a proxy may change to another replica, or see its own restarted, and notice nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest

from e2e.lab import Lab
from e2e.load import Traffic, load
from e2e.load_forwarder import Forwarder, forwarder
from e2e.load_mesh import put_services, route, start_proxies
from e2e.load_stats import pushes, resource_changes, synced
from xds.app.demo.processes import Child

PROXIES = 3
REQUESTS_A_SECOND = 200.0
XDS_PORT = 15010
SENT_AGAIN = {"DELTA_GRPC": {"eds"}, "GRPC": {"eds", "rds"}}
"""What a proxy is sent again although it has it: endpoints, because a cluster that is still warming waits for them, and
in state of the world, whose clients do not say which routes they have, the routes."""


@pytest.fixture(params=SENT_AGAIN, autouse=True)
def again(lab: Lab, request: pytest.FixtureRequest) -> set[str]:
    """Runs every test in delta and in state of the world; gives what is sent again."""
    lab.api_type = request.param
    return SENT_AGAIN[lab.api_type]


@pytest.fixture
async def first(lab: Lab) -> tuple[str, Child]:
    """A control plane, by its address."""
    put_services(lab.config)
    child = await lab.serve()
    return lab.control_plane, child


@pytest.fixture
async def way(lab: Lab, first: tuple[str, Child]) -> Forwarder:
    """How all proxies reach their control plane, which is the first at the beginning."""
    lab.control_plane = lab.addresses.new()
    listen, target = (lab.control_plane, XDS_PORT), (first[0], XDS_PORT)
    return await lab.stack.enter_async_context(forwarder(listen, target))


async def another(lab: Lab) -> str:
    """The address of a new control plane that reads the same folder."""
    proxies_use = lab.control_plane
    await lab.serve()
    started, lab.control_plane = lab.control_plane, proxies_use
    return started


async def moved(lab: Lab, way: Forwarder, replica: str) -> Mapping[str, int]:
    """Moves all proxies to a replica, at once; by type, how many responses they got there."""
    before = Counter(await pushes(lab.session, replica))
    way.switch((replica, XDS_PORT))
    await synced(lab.session, replica, PROXIES)
    return Counter(await pushes(lab.session, replica)) - before


def assert_nothing_failed(traffic: Traffic) -> None:
    assert not traffic.failures, f"{len(traffic.failures)} of {traffic.requests}: {traffic.failures[:10]}"
    assert traffic.requests > REQUESTS_A_SECOND / 2, "too little load to say anything"


async def test_proxies_move_between_replicas_and_notice_nothing(
    lab: Lab, first: tuple[str, Child], way: Forwarder, again: set[str]
) -> None:
    mesh = await start_proxies(lab)
    second = await another(lab)
    async with load(mesh.client, "echo", REQUESTS_A_SECOND) as traffic:
        await synced(lab.session, first[0], PROXIES)
        before = await resource_changes(mesh.client)
        for replica in (second, first[0], second):
            assert (await moved(lab, way, replica)).keys() == again
        await traffic.sees_only({"v1"})

    assert await resource_changes(mesh.client) == before
    assert_nothing_failed(traffic)


async def test_a_restarted_control_plane_sends_only_what_changed_meanwhile(
    lab: Lab, first: tuple[str, Child], way: Forwarder, again: set[str]
) -> None:
    mesh = await start_proxies(lab)
    async with load(mesh.client, "echo", REQUESTS_A_SECOND) as traffic:
        await synced(lab.session, first[0], PROXIES)
        before = await resource_changes(mesh.client)
        await first[1].stop()
        mesh.put("virtual-service", route(v2=100))
        sent = await moved(lab, way, await another(lab))
        await traffic.sees_only({"v2"})

    assert sent.keys() == again | {"rds"}
    after = await resource_changes(mesh.client)
    changed = {name.rsplit(".", 1)[-1]: after[name] - before[name] for name in after if after[name] != before[name]}
    assert changed == {"config_reload": 1}
    assert_nothing_failed(traffic)
