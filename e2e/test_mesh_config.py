"""Settings of the whole mesh, changed while real Envoys are running."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.addresses import Addresses
from e2e.lab import Lab, Sidecar, new_lab
from e2e.proofs import proves
from e2e.services import service
from e2e.waiting import happened
from e2e.witness import Witness
from examples.bookinfo.topology import MESH_CONFIG

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Mesh:
    """A running mesh whose settings can be written."""

    lab: Lab
    client: Sidecar
    file: Path

    def configure(self, text: str) -> None:
        """Puts ``text`` after the settings that all tests have."""
        self.write(text)
        if self.lab.witness is not None:
            self.lab.witness.record()

    def write(self, text: str) -> None:
        """The same with settings that may be wrong, so that the last good ones stay in force."""
        part = self.file.with_suffix(".part")
        part.write_text(f"{MESH_CONFIG.read_text()}\n{text}\n")
        part.rename(self.file)

    async def path(self, path: str = "/a//b") -> str:
        """What a service sees of it."""
        return str(json.loads((await self.client.get("whole", path)).body)["path"])


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory, envoy: Path, addresses: Addresses) -> AsyncIterator[Mesh]:
    async with new_lab(tmp_path_factory.mktemp("mesh-config"), envoy, addresses) as lab:
        alive, nobody = await lab.echo("v1"), addresses.new()
        lab.write("whole.yaml", service("whole", {"v1": alive}))
        lab.write("half.yaml", service("half", {"v1": alive, "v2": nobody}))
        file = lab.folder / "mesh.yaml"
        file.write_text(MESH_CONFIG.read_text())
        await lab.serve(mesh_config=file)
        yield Mesh(lab, await lab.sidecar("client"), file)


@pytest.fixture
def mesh(running: Mesh) -> Iterator[Mesh]:
    """The mesh, in which every answer of the test is compared with what is explained.

    Each test leaves settings that are in force.
    """
    witness = running.lab.witness = Witness(running.lab.config, running.file)
    yield running
    running.lab.witness = None
    witness.compare()


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Returns once it is so; fails after ten seconds."""
    await happened(is_so, "what was expected", 10)


@proves("MeshConfig", "pathNormalization.normalization")
async def test_paths_are_normalized_as_the_mesh_says_now_and_a_mistake_changes_nothing(mesh: Mesh) -> None:
    assert await mesh.path() == "/a//b"

    async def is_merged() -> bool:
        return await mesh.path() == "/a/b"

    merging = "pathNormalization: {normalization: MERGE_SLASHES}"
    mesh.configure(merging)
    await until(is_merged)

    mesh.write("pathNormalization: {normalization: SOMETIMES}")
    findings = f"http://{mesh.lab.control_plane}:15014/debug/configz"

    async def is_told() -> bool:
        async with mesh.lab.session.get(findings) as response:
            return "SOMETIMES" in await response.text()

    await until(is_told)
    assert await is_merged()
    mesh.write(merging)


PATHS = ("/a%2Fb", "/a%5Cb", "/a//b//", "//a", "//", "/a?b=//")


@proves("MeshConfig", "pathNormalization.normalization")
@pytest.mark.parametrize(
    ("normalization", "seen"),
    [
        ("NONE", ("/a%2Fb", "/a%5Cb", "/a//b//", "//a", "//", "/a?b=//")),
        ("MERGE_SLASHES", ("/a%2Fb", "/a%5Cb", "/a/b/", "/a", "//", "/a?b=//")),
        ("DECODE_AND_MERGE_SLASHES", ("/a/b", "/a/b", "/a/b/", "/a", "//", "/a?b=//")),
    ],
)
async def test_each_normalization_does_more_to_a_path(mesh: Mesh, normalization: str, seen: tuple[str, ...]) -> None:
    mesh.configure(f"pathNormalization: {{normalization: {normalization}}}")

    async def is_so() -> bool:
        return [await mesh.path(path) for path in PATHS] == [*seen]

    await until(is_so)


@proves("MeshConfig", "defaultHttpRetryPolicy.attempts")
async def test_without_default_retries_a_dead_instance_is_noticed(mesh: Mesh) -> None:
    mesh.configure("defaultHttpRetryPolicy: {attempts: 0}")

    async def has_failed() -> bool:
        return (await mesh.client.get("half")).status == 503

    await until(has_failed)
