"""A mesh whose settings the tests write: a client, a workload behind a sidecar, and a gateway, all with one service.

``whole`` is an echo server on its own; ``inside`` is one that only its sidecar reaches.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e.addresses import Addresses
from e2e.echo import echo_server
from e2e.lab import SERVICE_PORT, Lab, Sidecar, new_lab
from e2e.services import service
from e2e.waiting import happened
from xds.app.bootstrap import bootstrap
from xds.app.demo.bring_up import await_ready
from xds.app.demo.plan import ADMIN_PORT
from xds.app.demo.shop import Answer, fetch
from xds.app.proxy_spec import ProxySpec
from xds.model.proxy import CaptureMode, ProxyType

BASE = "proxyHttpPort: 15080\n"
GATEWAY_PORT = 8080
HOST = "shop.example.com"
"""By which the gateway knows the service ``whole``."""

_INSIDE_PORT = 9081
_LIVE_SECONDS = 15.0


@dataclass(frozen=True)
class Gateway:
    """A gateway, from outside."""

    ip: str
    lab: Lab

    async def get(self, path: str = "/", headers: Mapping[str, str] | None = None) -> Answer:
        """The answer to a request for the service ``whole``, on a connection of its own.

        A connection that stays open is served by the listener as it was for some time.
        """
        url = f"http://{self.ip}:{GATEWAY_PORT}{path}"
        return await fetch(self.lab.session, url, {**(headers or {}), "host": HOST, "connection": "close"})


@dataclass(frozen=True)
class World:
    """Everything that runs. file: the MeshConfig that the control plane watches."""

    lab: Lab
    client: Sidecar
    inside: Sidecar
    gateway: Gateway
    file: Path

    def configure(self, text: str) -> None:
        """Puts this in place of the settings before."""
        part = self.file.with_suffix(".part")
        part.write_text(f"{BASE}{text}\n")
        part.rename(self.file)
        if self.lab.witness is not None:
            self.lab.witness.record()

    async def configured(self, text: str, happened: Callable[[], Awaitable[bool]]) -> None:
        """`configure`, and waits for what must come of it, which must not be so before."""
        assert not await happened(), "it is so already"
        self.configure(text)
        await until(happened, text)

    async def is_plain(self) -> bool:
        """Whether the gateway answers as it does without settings."""
        answer = await self.gateway.get("/a%2Fb", {"x_test": "1"})
        received = headers_of(answer)
        named = answer.headers.get("server") == "istio-envoy" and "x-forwarded-port" not in received
        return named and '"path": "/a%2Fb"' in answer.body and {"x-request-id", "x_test"} <= received.keys()

    async def stat(self, proxy: Sidecar, name: str) -> int:
        """A counter or gauge; 0 if there is none of that name."""
        text = await proxy.admin(f"/stats?filter=^{name}$")
        return int(text.rpartition(":")[2]) if text.strip() else 0

    async def gateway_stat(self, name: str) -> int:
        """The same of the gateway."""
        url = f"http://{self.gateway.ip}:{ADMIN_PORT}/stats?filter=^{name}$"
        text = (await fetch(self.lab.session, url, {})).body
        return int(text.rpartition(":")[2]) if text.strip() else 0


def headers_of(answer: Answer) -> Mapping[str, str]:
    """The headers that the echo server received, by their names in lower case; none if it did not answer."""
    headers = json.loads(answer.body)["headers"] if answer.ok else {}
    return {str(name).lower(): str(value) for name, value in headers.items()}


async def until(is_so: Callable[[], Awaitable[bool]], what: str) -> None:
    """Waits for something that must happen."""
    await happened(is_so, what, _LIVE_SECONDS)


@asynccontextmanager
async def running_world(folder: Path, envoy: Path, addresses: Addresses) -> AsyncIterator[World]:
    """All of it, ready."""
    async with new_lab(folder, envoy, addresses) as lab:
        inside, outside = addresses.new(), addresses.new()
        lab.write("whole.yaml", service("whole", {"v1": await lab.echo("v1")}))
        lab.write("inside.yaml", service("inside", {"v1": inside}) + _INGRESS.format(port=_INSIDE_PORT))
        lab.write("gateway.yaml", _GATEWAY.format(ip=outside, port=GATEWAY_PORT, host=HOST))
        await lab.stack.enter_async_context(echo_server("inside", inside, _INSIDE_PORT))
        file = lab.folder / "mesh.yaml"
        file.write_text(BASE)
        await lab.serve(mesh_config=file)
        workload = await lab.sidecar("inside-v1", {"app": "inside", "version": "v1"}, ip=inside)
        yield World(lab, await lab.sidecar("client"), workload, await start_gateway(lab, outside), file)


async def start_gateway(lab: Lab, ip: str, name: str = "gateway") -> Gateway:
    """Starts a gateway with this address, and waits until it has its configuration."""
    labels = {"istio": "ingressgateway"}
    spec = ProxySpec(name, "default", ip, type=ProxyType.ROUTER, capture=CaptureMode.NONE, labels=labels)
    child = await lab.run_envoy(name, bootstrap(spec, f"{lab.control_plane}:15010", ADMIN_PORT))
    await await_ready(lab.session, f"http://{ip}:{ADMIN_PORT}/ready", child)
    return Gateway(ip, lab)


_INGRESS = f"""\
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata:
  name: inside
spec:
  workloadSelector:
    labels:
      app: inside
  ingress:
  - port:
      number: {SERVICE_PORT}
      name: http
      protocol: HTTP
    defaultEndpoint: 0.0.0.0:{{port}}
"""

_GATEWAY = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata:
  name: gateway
spec:
  selector:
    istio: ingressgateway
  servers:
  - port:
      number: {port}
      name: http
      protocol: HTTP
    bind: {ip}
    hosts:
    - "*"
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: outside
spec:
  hosts:
  - {host}
  gateways:
  - gateway
  http:
  - route:
    - destination:
        host: whole
"""
