"""Workloads whose proxies name a WorkloadGroup serve while these are connected, and as long as they are healthy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct

from e2e.lab import Lab, Sidecar
from e2e.proofs import proves
from xds.app.proxy_spec import ProxySpec
from xds.model.proxy import CaptureMode
from xds.server.registrar import HEALTH_INFORMATION
from xds.wire.core_pb2 import Node
from xds.wire.discovery_pb2 import DeltaDiscoveryRequest, Status

ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
LIVE_SECONDS = 15.0
MESH = """\
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec:
  selector: {app: reviews, kind: machine}
  ports:
  - {name: http, port: 9080, targetPort: 80}
---
apiVersion: networking.istio.io/v1
kind: WorkloadGroup
metadata: {name: machines}
spec:
  metadata:
    labels: {app: reviews}
  template:
    labels: {kind: machine, app: other}
    ports: {http: 9080}
"""


async def serve(lab: Lab) -> Sidecar:
    """A control plane, and a client for which nobody serves reviews."""
    lab.write("mesh.yaml", MESH)
    await lab.serve("--workload-grace", "300ms")
    client = await lab.sidecar("client")
    await answered(client, set())
    return client


async def answered(client: Sidecar, expected: set[str]) -> None:
    """Waits until requests are answered by these instances; by nobody if there are none."""
    deadline = time.monotonic() + LIVE_SECONDS
    while True:
        seen = {await client.instance("reviews") for _ in range(6)}
        if seen == expected or (not expected and all(each.startswith("503") for each in seen)):
            return
        assert time.monotonic() < deadline, seen
        await asyncio.sleep(0.05)


@proves("WorkloadGroup", "spec.metadata.labels", "spec.template.labels", "spec.template.ports")
async def test_a_workload_serves_while_its_proxy_is_connected(lab: Lab) -> None:
    address = await lab.echo("machine")
    client = await serve(lab)

    await lab.sidecar("machine", ip=address, workload_group="machines")
    await answered(client, {"machine"})

    (child,) = (each for each in lab.processes.children if each.command.name == "machine")
    await child.stop()
    await answered(client, set())


async def test_a_control_plane_that_starts_anew_knows_workloads_before_their_proxies_are_back(lab: Lab) -> None:
    address = await lab.echo("machine")
    lab.write("mesh.yaml", MESH)
    kept = ("--cache-dir", str(lab.folder / "cache"))
    control_plane = await lab.serve(*kept)
    client = await lab.sidecar("client")
    machine = await lab.sidecar("machine", ip=address, workload_group="machines")
    await answered(client, {"machine"})

    await control_plane.stop()
    (child,) = (each for each in lab.processes.children if each.command.name == machine.spec.name)
    await child.stop()
    await lab.serve(*kept, address=lab.control_plane)
    another = await lab.sidecar("another")

    assert await another.instance("reviews") == "machine"


async def test_a_workload_that_is_not_healthy_gets_no_requests(lab: Lab) -> None:
    address = await lab.echo("machine")
    client = await serve(lab)
    await lab.sidecar("machine", ip=address, workload_group="machines")
    await answered(client, {"machine"})

    requests: asyncio.Queue[bytes] = asyncio.Queue()
    async with grpc.aio.insecure_channel(f"{lab.control_plane}:15010") as channel:
        call = channel.stream_stream(ADS)(_told(requests))
        requests.put_nowait(_health(address, "GET /healthz: 500"))
        await answered(client, set())
        requests.put_nowait(_health(address, ""))
        await answered(client, {"machine"})
        call.cancel()


async def _told(requests: asyncio.Queue[bytes]) -> AsyncIterator[bytes]:
    while True:
        yield await requests.get()


def _health(address: str, problem: str) -> bytes:
    """As Istio's agent says it, on a stream of the proxy."""
    spec = ProxySpec("machine", "default", address, capture=CaptureMode.NONE, workload_group="machines")
    metadata = ParseDict(spec.metadata, Struct())
    error = Status(code=500, message=problem) if problem else None
    node = Node(id=spec.node_id, metadata=metadata)
    return DeltaDiscoveryRequest(node=node, type_url=HEALTH_INFORMATION, error_detail=error).SerializeToString()
