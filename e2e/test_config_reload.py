"""Changes of the configuration folder, as they reach a real Envoy."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from e2e.lab import Lab, Sidecar
from e2e.observe import live_after, seen_for
from e2e.services import route, service

LIVE_SECONDS = 1.0


@pytest.fixture
async def instances(lab: Lab) -> dict[str, str]:
    return {version: await lab.echo(version) for version in ("v1", "v2")}


@pytest.fixture
async def client(lab: Lab, instances: dict[str, str]) -> Sidecar:
    lab.write("service.yaml", service("echo", instances))
    lab.write("route.yaml", route("echo", "v1"))
    await lab.serve()
    client = await lab.sidecar("client")
    assert await client.instance("echo") == "v1"
    return client


async def test_an_edit_is_live_within_a_second(lab: Lab, client: Sidecar) -> None:
    edited = lab.write("route.yaml", route("echo", "v2"))

    assert await live_after(client, "echo", "v2", edited) < LIVE_SECONDS


async def test_an_invalid_edit_leaves_the_last_good_version_in_force_and_the_rest_alone(
    lab: Lab, client: Sidecar, instances: dict[str, str]
) -> None:
    invalid = route("echo", "v2").replace("http:", "http: {}\n  htpp:")
    lab.write("route.yaml", invalid)
    added = lab.write("other.yaml", service("other", instances) + "---\n" + route("other", "v2"))

    assert await live_after(client, "other", "v2", added) < LIVE_SECONDS
    assert await seen_for(client, "echo", 0.5) == {"v1"}
    repaired = lab.write("route.yaml", route("echo", "v2"))
    assert await live_after(client, "echo", "v2", repaired) < LIVE_SECONDS


async def test_a_file_that_is_no_yaml_leaves_what_was_read_of_it_in_force(lab: Lab, client: Sidecar) -> None:
    lab.write("route.yaml", "kind: [VirtualService\n  no: yaml")

    assert await seen_for(client, "echo", 0.7) == {"v1"}


async def test_deleting_a_file_removes_its_objects(lab: Lab, client: Sidecar) -> None:
    deleted = time.monotonic()
    (lab.config / "route.yaml").unlink()

    assert await live_after(client, "echo", "v2", deleted) < LIVE_SECONDS
    assert await seen_for(client, "echo", 0.3) == {"v1", "v2"}


async def test_a_new_service_can_be_called_and_a_deleted_one_not(
    lab: Lab, client: Sidecar, instances: dict[str, str]
) -> None:
    added = lab.write("late.yaml", service("late", {"v1": instances["v1"]}))
    assert await live_after(client, "late", "v1", added) < LIVE_SECONDS

    deleted = time.monotonic()
    (lab.config / "late.yaml").unlink()
    while (await client.get("late")).ok:
        assert time.monotonic() - deleted < LIVE_SECONDS
        await asyncio.sleep(0.01)


async def test_swapping_a_link_as_a_config_map_volume_does_is_live_within_a_second(
    lab: Lab, instances: dict[str, str]
) -> None:
    volume = lab.folder / "volume"
    volume.mkdir()
    _publish(volume, "..1", instances, "v1")
    for name in ("service.yaml", "route.yaml"):
        (volume / name).symlink_to(f"..data/{name}")
    await lab.serve(config=volume)
    client = await lab.sidecar("client")
    assert await client.instance("echo") == "v1"

    swapped = time.monotonic()
    _publish(volume, "..2", instances, "v2")

    assert await live_after(client, "echo", "v2", swapped) < LIVE_SECONDS


def _publish(volume: Path, version: str, instances: dict[str, str], subset: str) -> None:
    """Writes a version of the volume into a hidden folder and makes it current by one rename."""
    data = volume / version
    data.mkdir()
    (data / "service.yaml").write_text(service("echo", instances))
    (data / "route.yaml").write_text(route("echo", subset))
    (volume / "..data_tmp").symlink_to(version)
    (volume / "..data_tmp").rename(volume / "..data")
