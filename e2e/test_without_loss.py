"""Changes and failures that cost no request: clusters before routes, routes before removals, and no control plane."""

from __future__ import annotations

import asyncio
import time

import pytest

from e2e.lab import Lab, Sidecar
from e2e.observe import live_after, steady_requests
from e2e.services import route, service

RECONNECT_SECONDS = 35.0
"""Envoy waits up to 30 s between attempts to connect to a control plane that was gone."""


@pytest.fixture
async def instances(lab: Lab) -> dict[str, str]:
    return {version: await lab.echo(version) for version in ("v1", "v2")}


async def client_of(lab: Lab, text: str) -> Sidecar:
    lab.write("echo.yaml", text)
    await lab.serve()
    client = await lab.sidecar("client")
    assert await client.instance("echo") == "v1"
    return client


async def test_a_route_to_a_new_subset_waits_for_its_cluster(lab: Lab, instances: dict[str, str]) -> None:
    client = await client_of(lab, service("echo", {"v1": instances["v1"]}) + "---\n" + route("echo", "v1"))

    async with steady_requests(client, "echo") as seen:
        edited = lab.write("echo.yaml", service("echo", instances) + "---\n" + route("echo", "v2"))
        assert await live_after(client, "echo", "v2", edited) < 1.0
        await asyncio.sleep(0.3)

    assert set(seen) == {"v1", "v2"}


async def test_a_cluster_goes_when_no_route_leads_to_it_any_more(lab: Lab, instances: dict[str, str]) -> None:
    client = await client_of(lab, service("echo", instances) + "---\n" + route("echo", "v1"))

    async with steady_requests(client, "echo") as seen:
        edited = lab.write("echo.yaml", service("echo", {"v2": instances["v2"]}) + "---\n" + route("echo", "v2"))
        assert await live_after(client, "echo", "v2", edited) < 1.0
        while "outbound|9080|v1|echo" in await client.admin("/clusters"):
            assert time.monotonic() - edited < 5
            await asyncio.sleep(0.05)
        while "v2" not in seen:
            assert time.monotonic() - edited < 5
            await asyncio.sleep(0.01)

    assert set(seen) == {"v1", "v2"}


async def test_many_edits_in_a_row_end_with_the_last(lab: Lab, instances: dict[str, str]) -> None:
    client = await client_of(lab, service("echo", instances) + "---\n" + route("echo", "v1"))

    async with steady_requests(client, "echo") as seen:
        for number in range(40):
            edited = lab.write("echo.yaml", service("echo", instances) + "---\n" + route("echo", f"v{number % 2 + 1}"))
            await asyncio.sleep(0.02)
        assert await live_after(client, "echo", "v2", edited) < 1.0
        await asyncio.sleep(0.5)
        assert await client.instance("echo") == "v2"

    assert set(seen) == {"v1", "v2"}


async def test_traffic_flows_without_the_control_plane_and_follows_it_when_it_is_back(
    lab: Lab, instances: dict[str, str]
) -> None:
    client = await client_of(lab, service("echo", instances) + "---\n" + route("echo", "v1"))
    (control_plane,) = (child for child in lab.processes.children if child.command.name == "control plane")

    async with steady_requests(client, "echo", every=0.05) as seen:
        assert await control_plane.stop() == 0
        lab.write("echo.yaml", service("echo", instances) + "---\n" + route("echo", "v2"))
        await asyncio.sleep(0.5)
        assert set(seen) == {"v1"}
        await lab.serve(address=lab.control_plane)
        await live_after(client, "echo", "v2", time.monotonic(), at_most=RECONNECT_SECONDS)

    assert set(seen) <= {"v1", "v2"}
