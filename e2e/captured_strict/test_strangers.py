"""Whoever has no identity gets where it is explained to get, on every port, and nowhere else."""

from __future__ import annotations

import pytest

from e2e.capture.servers import Server, http_server
from e2e.captured_strict.topology import IPS, NOT_CAPTURED_IN, SERVED
from e2e.captured_strict.world import Strict, sender
from e2e.mtls.world import REFUSED
from xds.app.explain.proxies import Named, proxy_spec
from xds.app.explain.sender import Sender
from xds.app.explain.target import Asked, arriving
from xds.app.offline import proxy_of
from xds.explain import Forwarded, explain_arrival

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("workload", ["client", "server-v1", "server-v2", "mixed"])
async def test_ports_of_workloads(mesh: Strict, workload: str) -> None:
    captured = {port: server for port, server in SERVED[workload].items() if port != NOT_CAPTURED_IN}

    seen = {port: await _reached(mesh, workload, port, server) for port, server in captured.items()}

    assert seen == {port: _explained(mesh, workload, port, server) for port, server in captured.items()}


async def _reached(mesh: Strict, workload: str, port: int, server: Server) -> bool:
    host = f"{workload}.address"
    if server is http_server:
        return await sender(mesh.outside, f"http://{host}:{port}/") != REFUSED
    return bool(await mesh.outside.say(host, port, "hello"))


def _explained(mesh: Strict, workload: str, port: int, server: Server) -> bool:
    store = mesh.explained.record()
    spec = proxy_spec(Named(workload, "default", mtls=True, asked=True), store.mesh)
    scheme = "http" if server is http_server else "tcp"
    asked = Asked("GET", f"{scheme}://{IPS[workload]}:{port}/", sender=Sender(source_ip=IPS["outside"]))
    aim = arriving(asked, spec)
    found = explain_arrival(store.compile(proxy_of(spec, store.mesh)).snapshot, aim.connection, aim.request)
    return any(isinstance(outcome, Forwarded) for outcome in found.outcomes)
