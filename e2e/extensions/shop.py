"""A mesh of a client, a workload and a gateway, and extensions that leave a trace on requests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from textwrap import indent

from e2e.echo import echo_server
from e2e.lab import Lab, Sidecar
from e2e.services import service
from e2e.witness import Witness
from examples.bookinfo.topology import MESH_CONFIG
from xds.app.demo.shop import Answer, fetch

GATEWAY_PORT = 8080
GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"
_SIDECAR = """\
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata:
  name: shop
spec:
  workloadSelector:
    labels:
      app: shop
  ingress:
  - port:
      number: 9080
      protocol: HTTP
      name: http
    defaultEndpoint: 127.0.0.1:{port}
"""
_GATEWAY = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata:
  name: front
spec:
  selector:
    app: front
  servers:
  - port:
      number: {port}
      name: http
      protocol: HTTP
    bind: {bind}
    hosts:
    - shop.example.com
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: front
spec:
  hosts:
  - shop.example.com
  gateways:
  - front
  http:
  - route:
    - destination:
        host: shop
"""


@dataclass(frozen=True)
class Shop:
    """The client and the workload have a sidecar each."""

    lab: Lab
    client: Sidecar
    workload: Sidecar
    gateway: Sidecar

    async def ask(self) -> Answer:
        """The client asks the shop."""
        return await self.client.get("shop")

    async def ask_gateway(self) -> Answer:
        """Someone outside asks the shop."""
        url = f"http://{self.gateway.ip}:{GATEWAY_PORT}/"
        return await fetch(self.lab.session, url, {"host": "shop.example.com"})


async def start_shop(lab: Lab, *options: str) -> Shop:
    """Starts everything, without extensions unless there are some in the folder already.

    What the client is answered is compared with what is explained.
    """
    workload, gateway = lab.addresses.new(), lab.addresses.new()
    lab.witness = Witness(lab.config, MESH_CONFIG, {workload: "127.0.0.1"})
    port = await lab.stack.enter_async_context(echo_server("v1", "127.0.0.1"))
    lab.write("shop.yaml", service("shop", {"v1": workload}))
    lab.write("sidecar.yaml", _SIDECAR.format(port=port))
    lab.write("gateway.yaml", _GATEWAY.format(port=GATEWAY_PORT, bind=gateway))
    await lab.serve("--cache-dir", str(lab.folder / "cache"), *options)
    return Shop(
        lab,
        client=await lab.sidecar("client", {"app": "client"}),
        workload=await lab.sidecar("shop-v1", {"app": "shop", "version": "v1"}, ip=workload),
        gateway=await lab.gateway("front", {"app": "front", GATEWAY_NAME: "front"}, ip=gateway),
    )


def trace(name: str) -> str:
    """Lua that writes its name behind those of the others that saw the request."""
    return (
        "function envoy_on_request(handle)\n"
        f'  handle:headers():replace("x-trace", (handle:headers():get("x-trace") or "") .. "{name},")\n'
        "end\n"
    )


def traffic_extension(name: str, code: str, spec: str = "") -> str:
    """A TrafficExtension with Lua. spec: more of its fields."""
    fields = indent(spec, "  ")
    lua = indent(code, "      ")
    return (
        f"---\napiVersion: extensions.istio.io/v1alpha1\nkind: TrafficExtension\nmetadata:\n  name: {name}\nspec:\n"
        f"{fields}  lua:\n    inlineCode: |\n{lua}"
    )


def wasm_plugin(name: str, url: str, spec: str = "") -> str:
    """A WasmPlugin for the workload alone. spec: more of its fields."""
    fields = indent(spec, "  ")
    return (
        f"---\napiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata:\n  name: {name}\nspec:\n"
        f"  selector:\n    matchLabels:\n      app: shop\n  url: {url}\n{fields}"
    )


def header(answer: Answer, name: str) -> str:
    """A header as the shop received it; the status if it did not answer."""
    if not answer.ok:
        return str(answer.status)
    headers = json.loads(answer.body)["headers"]
    return next((str(value).strip() for key, value in headers.items() if key.lower() == name), "")


async def until(ask: Callable[[], Awaitable[Answer]], name: str, value: str) -> None:
    """Requests come to have this header."""
    found = ""
    try:
        async with asyncio.timeout(20):
            while (found := header(await ask(), name)) != value:  # noqa: ASYNC110 - another process wakes nobody here
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"{name} is {found!r} and not {value!r}") from None
