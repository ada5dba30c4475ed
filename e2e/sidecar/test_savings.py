"""What a narrow scope saves a proxy in a mesh of 500 services: measured, and printed with ``pytest -s``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.addresses import Addresses
from e2e.lab import Lab, Sidecar, new_lab
from e2e.sidecar.world import document
from translators import DEFAULT
from xds.app.offline import Offline, proxy_of
from xds.app.proxy_spec import ProxySpec
from xds.model.proxy import CaptureMode
from xds.model.settings import MeshSettings

SERVICES, NAMESPACES, ENDPOINTS = 500, 25, 4
SCOPE = {"egress": [{"hosts": ["ns-0/*"]}]}
"""One namespace of them: 20 services."""


def mesh() -> Iterator[object]:
    """Services with two ports, a DestinationRule with two subsets and four endpoints."""
    for number in range(SERVICES):
        name, namespace = f"service-{number}", f"ns-{number % NAMESPACES}"
        ports = [{"name": "http", "port": 8000 + number % 7}, {"name": "grpc", "port": 9000 + number % 7}]
        address = f"10.{64 + number // 250}.{number % 250}.1"
        yield document("Service", name, {"clusterIP": address, "selector": {"app": name}, "ports": ports}, namespace)
        subsets = [{"name": version, "labels": {"version": version}} for version in ("v1", "v2")]
        yield document("DestinationRule", name, {"host": name, "subsets": subsets}, namespace)
        for endpoint in range(ENDPOINTS):
            labels = {"app": name, "version": f"v{endpoint % 2 + 1}"}
            entry = {"address": f"10.{128 + number // 250}.{number % 250}.{endpoint + 1}", "labels": labels}
            yield document("WorkloadEntry", f"{name}-{endpoint}", entry, namespace)


def text(*documents: object) -> str:
    return "---\n".join(f"{json.dumps(each)}\n" for each in documents)


@pytest.mark.parametrize("capture", list(CaptureMode))
def test_resources_in_bytes(tmp_path: Path, capture: CaptureMode) -> None:
    (tmp_path / "mesh.yaml").write_text(text(*mesh()))
    offline = Offline(MeshSettings(), DEFAULT)
    spec = ProxySpec("client", "default", "127.9.9.9", capture=capture)

    def size() -> int:
        offline.read([tmp_path])
        snapshot = offline.store.compile(proxy_of(spec, offline.store.mesh)).snapshot
        return sum(len(resource.body) for url in snapshot.types for resource in snapshot[url])

    everything = size()
    (tmp_path / "sidecar.yaml").write_text(text(document("Sidecar", "default", SCOPE)))
    scoped = size()
    print(f"\n{capture.value}: {everything:,} bytes, with a Sidecar {scoped:,}")
    assert scoped < everything / 20


async def test_memory_of_envoy(tmp_path: Path, envoy: Path, addresses: Addresses) -> None:
    """What Envoy has allocated, beyond what it has without any service."""
    folders = {name: tmp_path / name for name in ("nothing", "everything", "scoped")}
    for folder in folders.values():
        folder.mkdir()
    allocated: dict[str, int] = {}
    for name, folder in folders.items():
        async with new_lab(folder, envoy, addresses) as lab:
            documents = () if name == "nothing" else mesh()
            sidecar = (document("Sidecar", "default", SCOPE),) if name == "scoped" else ()
            lab.write("mesh.yaml", text(*documents, *sidecar))
            allocated[name] = await memory(lab)
    print("\n" + ", ".join(f"{name}: {size / 2**20:.1f} MiB" for name, size in allocated.items()))
    everything, scoped = (allocated[name] - allocated["nothing"] for name in ("everything", "scoped"))
    assert scoped < everything / 5


async def memory(lab: Lab) -> int:
    await lab.serve()
    client: Sidecar = await lab.sidecar("client")
    return int(json.loads(await client.admin("/memory"))["allocated"])
