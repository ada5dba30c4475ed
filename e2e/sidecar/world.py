"""A mesh with a client and a server, each with a Sidecar that the tests write."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from e2e.addresses import Addresses
from e2e.lab import SERVICE_PORT, Lab, Sidecar, new_lab
from e2e.policy.instance import Instance, running
from e2e.waiting import happened
from xds.app.demo.shop import Answer, fetch
from xds.app.explain.target import Asked

_LIVE_SECONDS = 15.0
_NETWORKING = "networking.istio.io/v1"

FAR = "far.other.svc.cluster.local"


@dataclass(frozen=True)
class World:
    """A running control plane, a client of the label ``app: client``, and a server of the label ``app: server``."""

    lab: Lab
    client: Sidecar
    server: Sidecar

    async def instance(self, name: str, address: str = "", port: int = SERVICE_PORT) -> Instance:
        """A new instance, on an address of its own unless it is given."""
        return await self.lab.stack.enter_async_context(running(name, address or self.lab.addresses.new(), port))

    def write(self, name: str, *documents: object) -> None:
        """Writes a file of the configuration."""
        self.lab.write(f"{name}.yaml", "---\n".join(f"{json.dumps(each)}\n" for each in documents))

    def declare(self, app: str, spec: Mapping[str, object]) -> None:
        """Writes the Sidecar of the client or the server."""
        selector = {"workloadSelector": {"labels": {"app": app}}}
        self.write(f"sidecar-of-{app}", document("Sidecar", app, {**selector, **spec}))

    def egress(self, *hosts: str, **more: object) -> None:
        """Leaves the client these hosts to call by its HTTP proxy."""
        self.declare("client", {"egress": [{"hosts": list(hosts)}], **more})

    async def open(self) -> None:
        """Leaves the client everything to call; returns once it can."""
        self.egress("*/*")
        await self.until_called("near", "near")
        await self.until_called(FAR, "far")

    async def called(self, host: str) -> str:
        """Who answers a call of the client; the status if no instance does."""
        return who(await self.client.get(host))

    async def until_called(self, host: str, expected: str) -> None:
        """Waits until calls of the client are answered so."""

        async def so() -> bool:
            return await self.called(host) == expected

        await self.until(so, f"{host} answered by {expected}")

    async def dial(self, proxy: Sidecar, url: str, address: str, headers: Mapping[str, str] | None = None) -> Answer:
        """The answer to a request to a listener of a proxy. address: its own, an IP or ``unix:///path``."""
        headers = headers or {}
        if address.startswith("unix://"):
            connector = aiohttp.UnixConnector(address.removeprefix("unix://"))
            async with aiohttp.ClientSession(connector=connector) as session:
                answer = await fetch(session, url, headers)
        else:
            answer = await fetch(self.lab.session, url, headers)
        if self.lab.witness is not None:
            self.lab.witness.note(proxy.spec, Asked("GET", url, tuple(headers.items()), address), answer)
        return answer

    async def receive(self, port: int, path: str = "/") -> Answer:
        """The answer to a request to a port of the server."""
        return await self.dial(self.server, f"http://{self.server.ip}:{port}{path}", self.server.ip)

    async def until_received(self, port: int, expected: str) -> None:
        """Waits until requests to a port of the server are answered so."""

        async def so() -> bool:
            return who(await self.receive(port)) == expected

        await self.until(so, f"port {port} answered by {expected}")

    async def until(self, is_so: Callable[[], Awaitable[bool]], what: str) -> None:
        """Waits for something that must happen."""
        await happened(is_so, what, _LIVE_SECONDS)

    async def stat(self, proxy: Sidecar, cluster: str, name: str) -> int:
        """A counter or gauge of a proxy's cluster. cluster: a regular expression, as ``|`` has a meaning of its own."""
        text = await proxy.admin(f"/stats?filter=^cluster.{cluster}.{name}$")
        return int(text.rpartition(":")[2]) if text.strip() else 0


def who(answer: Answer) -> str:
    """The instance that answered; the status if none did."""
    return str(json.loads(answer.body)["instance"]) if answer.body.startswith("{") else str(answer.status)


def document(kind: str, name: str, spec: object, namespace: str = "default") -> object:
    """An object."""
    version = "v1" if kind == "Service" else _NETWORKING
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def service(name: str, instance: Instance, namespace: str = "default", **ports: int) -> tuple[object, object]:
    """A Service with one instance. ports: by name, the numbers of its ports; by default one for HTTP."""
    given = ports or {"http": SERVICE_PORT}
    listed = [{"name": each, "port": number, "targetPort": instance.port} for each, number in given.items()]
    spec = {"selector": {"app": name}, "ports": listed}
    entry = {"address": instance.address, "labels": {"app": name}}
    return document("Service", name, spec, namespace), document("WorkloadEntry", name, entry, namespace)


@asynccontextmanager
async def new_world(folder: Path, envoy: Path, addresses: Addresses) -> AsyncIterator[World]:
    """A mesh that is ready, with the services near, in the namespace of the client, and far, in another."""
    async with new_lab(folder, envoy, addresses) as lab:
        lab.write("nothing.yaml", "")
        await lab.serve()
        client, server = await asyncio.gather(
            lab.sidecar("client", {"app": "client"}), lab.sidecar("server", {"app": "server"})
        )
        world = World(lab, client, server)
        world.write("near", *service("near", await world.instance("near")))
        world.write("far", *service("far", await world.instance("far"), "other"))
        yield world
