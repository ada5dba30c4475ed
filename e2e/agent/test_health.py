"""A workload registers itself by its agent, which looks at it: while it is not healthy, it gets no requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from grpc import aio  # type: ignore[import-untyped]  # grpcio ships no types
from grpc_health.v1 import health, health_pb2, health_pb2_grpc  # type: ignore[import-untyped]  # grpcio ships no types

from e2e.agent.application import application
from e2e.agent.world import PORT, REFUSED, Workload, World, document, service_of, until
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="package")

NAME = "machine"
SOON = {"periodSeconds": 1, "failureThreshold": 1}
NOBODY_LISTENS = {"tcpSocket": {"port": 1}}


def group(world: World, **probe: object) -> None:
    """Puts a WorkloadGroup with this probe in force."""
    labels = {"app": NAME, "security.istio.io/tlsMode": "istio"}
    spec = {
        "metadata": {"labels": labels},
        "template": {"ports": {"http": PORT}, "serviceAccount": NAME},
        "probe": {**SOON, **probe},
    }
    world.write("group", document("networking.istio.io/v1", "WorkloadGroup", "machines", spec))


@asynccontextmanager
async def grpc_health() -> AsyncIterator[tuple[int, health.aio.HealthServicer]]:
    """A gRPC server on loopback that is asked for its health."""
    server, servicer = aio.server(), health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port, servicer
    finally:
        await server.stop(0)


@proves(
    "WorkloadGroup",
    "spec.probe.httpGet.path",
    "spec.probe.httpGet.port",
    "spec.probe.httpGet.httpHeaders.name",
    "spec.probe.httpGet.httpHeaders.value",
    "spec.probe.tcpSocket.port",
    "spec.probe.exec.command",
    "spec.probe.grpc.port",
    "spec.probe.grpc.service",
)
async def test_what_is_not_healthy_gets_no_requests(world: World, tmp_path: Path) -> None:
    served = partial(until, partial(world.ask, "/", NAME), world.client.identity)
    refused = partial(until, partial(world.ask, "/", NAME), REFUSED)
    async with application() as made, grpc_health() as (port, servicer):
        made.healthy = False
        world.write(NAME, *service_of(NAME, made.port))
        headers = [{"name": "x-probe", "value": "1"}]
        group(world, httpGet={"port": made.port, "path": "/ready", "httpHeaders": headers})
        machine = Workload(NAME, world.lab.addresses.new(), world.lab.folder / NAME, world.lab)
        machine.folder.mkdir()
        await machine.start("--workload-group", "machines", "--exec-probes", *world.join_token(NAME))
        await asyncio.wait_for(made.probed.wait(), 30)
        await refused()
        made.healthy = True
        await served()
        made.healthy = False
        await refused()
        assert set(made.asked) == {"1"}

        group(world, tcpSocket={"port": made.port})
        await served()
        group(world, **NOBODY_LISTENS)
        await refused()

        file = tmp_path / "open"
        file.touch()
        group(world, exec={"command": ["test", "-e", str(file)]})
        await served()
        file.unlink()
        await refused()

        await servicer.set("till", health_pb2.HealthCheckResponse.SERVING)
        group(world, grpc={"port": port, "service": "till"})
        await served()
        await servicer.set("till", health_pb2.HealthCheckResponse.NOT_SERVING)
        await refused()
        await machine.child.stop()
