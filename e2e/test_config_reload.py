"""Changes of the configuration folder, as they reach a real Envoy. The tests share a mesh; each has its own service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.addresses import Addresses
from e2e.lab import Lab, Sidecar, new_lab
from e2e.observe import live_after, seen_for
from e2e.services import route, service

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIVE_SECONDS = 1.0


@dataclass(frozen=True)
class Mesh:
    """A running mesh with two instances that any service can have."""

    lab: Lab
    client: Sidecar
    instances: Mapping[str, str]

    async def add(self, name: str) -> None:
        """A service of this name, with all its requests going to v1."""
        self.lab.write(f"{name}.yaml", service(name, self.instances))
        written = self.lab.write(f"{name}-route.yaml", route(name, "v1"))
        await live_after(self.client, name, "v1", written)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory, envoy: Path, addresses: Addresses) -> AsyncIterator[Mesh]:
    async with new_lab(tmp_path_factory.mktemp("reload"), envoy, addresses) as lab:
        instances = {version: await lab.echo(version) for version in ("v1", "v2")}
        lab.write("first.yaml", service("first", instances))
        await lab.serve()
        yield Mesh(lab, await lab.sidecar("client"), instances)


async def test_an_edit_is_live_within_a_second(mesh: Mesh) -> None:
    await mesh.add("edited")

    edited = mesh.lab.write("edited-route.yaml", route("edited", "v2"))

    assert await live_after(mesh.client, "edited", "v2", edited) < LIVE_SECONDS


async def test_an_invalid_edit_leaves_the_last_good_version_in_force_and_the_rest_alone(mesh: Mesh) -> None:
    await mesh.add("invalid")

    mesh.lab.write("invalid-route.yaml", route("invalid", "v2").replace("http:", "http: {}\n  htpp:"))
    added = mesh.lab.write("other.yaml", service("other", mesh.instances) + "---\n" + route("other", "v2"))

    assert await live_after(mesh.client, "other", "v2", added) < LIVE_SECONDS
    assert await seen_for(mesh.client, "invalid", 0.5) == {"v1"}
    repaired = mesh.lab.write("invalid-route.yaml", route("invalid", "v2"))
    assert await live_after(mesh.client, "invalid", "v2", repaired) < LIVE_SECONDS


async def test_a_file_that_is_no_yaml_leaves_what_was_read_of_it_in_force(mesh: Mesh) -> None:
    await mesh.add("broken")

    mesh.lab.write("broken-route.yaml", "kind: [VirtualService\n  no: yaml")

    assert await seen_for(mesh.client, "broken", 0.7) == {"v1"}


async def test_deleting_a_file_removes_its_objects(mesh: Mesh) -> None:
    await mesh.add("deleted")

    deleted = time.monotonic()
    (mesh.lab.config / "deleted-route.yaml").unlink()

    assert await live_after(mesh.client, "deleted", "v2", deleted) < LIVE_SECONDS
    assert await seen_for(mesh.client, "deleted", 0.3) == {"v1", "v2"}


async def test_a_new_service_can_be_called_and_a_deleted_one_not(mesh: Mesh) -> None:
    assert not (await mesh.client.get("late")).ok
    added = mesh.lab.write("late.yaml", service("late", {"v1": mesh.instances["v1"]}))
    assert await live_after(mesh.client, "late", "v1", added) < LIVE_SECONDS

    deleted = time.monotonic()
    (mesh.lab.config / "late.yaml").unlink()
    while (await mesh.client.get("late")).ok:
        assert time.monotonic() - deleted < LIVE_SECONDS
        await asyncio.sleep(0.01)


async def test_swapping_a_link_as_a_config_map_volume_does_is_live_within_a_second(mesh: Mesh) -> None:
    volume = mesh.lab.config / "volume"
    _publish(volume, "..1", service("mounted", mesh.instances), route("mounted", "v1"))
    for name in ("service.yaml", "route.yaml"):
        (volume / name).symlink_to(f"..data/{name}")
    await live_after(mesh.client, "mounted", "v1", time.monotonic())

    swapped = time.monotonic()
    _publish(volume, "..2", service("mounted", mesh.instances), route("mounted", "v2"))

    assert await live_after(mesh.client, "mounted", "v2", swapped) < LIVE_SECONDS


def _publish(volume: Path, version: str, service_text: str, route_text: str) -> None:
    """Writes a version of the volume into a hidden folder and makes it current by one rename."""
    data = volume / version
    data.mkdir(parents=True)
    (data / "service.yaml").write_text(service_text)
    (data / "route.yaml").write_text(route_text)
    (volume / "..data_tmp").symlink_to(version)
    (volume / "..data_tmp").rename(volume / "..data")
