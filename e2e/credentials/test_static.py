"""A static configuration with its secrets in it: a gateway that ends TLS without a control plane."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import Mapping

from e2e.credentials.backends import web_server
from e2e.credentials.front import LABELS, WEB, Front, backend, route, server
from e2e.lab import Lab
from examples.bookinfo.topology import REPOSITORY
from tests.certificates import Authority
from tests.documents import secret
from xds.app.proxy_spec import ProxySpec
from xds.model.proxy import CaptureMode, ProxyType

ROOT, CLIENTS = Authority("root"), Authority("clients")
SERVER, CLIENT = ROOT.issue("server", WEB), CLIENTS.issue("client")


async def test_a_gateway_runs_from_a_file_that_has_the_keys(lab: Lab) -> None:
    address = lab.addresses.new()
    await lab.stack.enter_async_context(web_server(address, 9080))
    lab.write("backend.yaml", backend("web.local", "HTTP", address) + route(WEB, "web.local", "front"))
    lab.write("gateway.yaml", server("front", {"mode": "MUTUAL", "credentialName": "front"}, WEB))
    lab.write("secret.yaml", secret("front", SERVER, CLIENTS))
    spec = ProxySpec("front", "default", lab.addresses.new(), ProxyType.ROUTER, CaptureMode.NONE, labels=LABELS)

    config = await rendered(lab, spec.ip, "--show-secrets")
    child = await lab.run_envoy("front", config)
    front = Front(lab, spec, ROOT)
    await front.shows(SERVER, client=CLIENT)
    assert await front.shown() is None
    assert child.running

    resources = (await rendered(lab, spec.ip))["static_resources"]
    assert isinstance(resources, dict)
    assert resources.keys() == {"clusters", "listeners"}


async def rendered(lab: Lab, ip: str, *options: str) -> Mapping[str, object]:
    """What ``pilothouse render -o envoy`` prints."""
    argv = (
        *(sys.executable, "-m", "xds.app.cli", "render", "--config", str(lab.config), "--name", "front"),
        *("--namespace", "default", "--ip", ip, "--type", "gateway", "--capture", "none", "--label", "istio=front"),
        *("-o", "envoy", *options),
    )
    process = await asyncio.create_subprocess_exec(*argv, stdout=PIPE, stderr=PIPE, cwd=REPOSITORY)
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    document = json.loads(output)
    assert isinstance(document, dict)
    return document
