"""What `pilothouse render -o envoy` prints is a configuration that Envoy runs as it is."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

from e2e.lab import Lab, Sidecar
from e2e.services import route, service
from e2e.witness import Witness
from examples.bookinfo.topology import MESH_CONFIG, REPOSITORY
from xds.app.proxy_spec import ProxySpec
from xds.model.proxy import CaptureMode


async def test_the_static_configuration_of_a_sidecar_serves_without_a_control_plane(lab: Lab) -> None:
    instances = {version: await lab.echo(version) for version in ("v1", "v2")}
    lab.write("service.yaml", service("echo", instances))
    lab.write("route.yaml", route("echo", "v2"))
    lab.witness = Witness(lab.config, MESH_CONFIG)
    ip = lab.addresses.new()

    rendered = await render(lab.config, "--name", "client", "--namespace", "default", "--ip", ip, "--capture", "none")
    child = await lab.run_envoy("static", rendered)

    client = Sidecar(ProxySpec("client", "default", ip, capture=CaptureMode.NONE), lab)
    async with asyncio.timeout(5):
        while (await client.get("echo")).status == 0:
            assert child.running, child.tail()
            await asyncio.sleep(0.05)
    assert {await client.instance("echo") for _ in range(10)} == {"v2"}


async def render(config: Path, *options: str) -> dict[str, object]:
    argv = (
        *(sys.executable, "-m", "xds.app.cli", "render", "--config", str(config)),
        *("--mesh-config", str(MESH_CONFIG), *options, "-o", "envoy"),
    )
    process = await asyncio.create_subprocess_exec(*argv, stdout=PIPE, stderr=PIPE, cwd=REPOSITORY)
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    document = json.loads(output)
    assert isinstance(document, dict)
    return document
