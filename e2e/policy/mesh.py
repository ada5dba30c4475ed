"""A mesh in which every test has a service of its own, with the policy that it is about."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from e2e.addresses import Addresses
from e2e.lab import SERVICE_PORT, Lab, Sidecar, new_lab
from e2e.policy.instance import Instance, running
from e2e.waiting import happened

LOCALITY = "eu/eu-1"
"""Where the client runs."""

_LIVE_SECONDS = 15.0
_NETWORKING = "networking.istio.io/v1"


@dataclass(frozen=True)
class Seen:
    """What a server received, or how the request failed. headers: of the answer."""

    status: int
    received: Mapping[str, object]
    headers: Mapping[str, str]

    @property
    def instance(self) -> object:
        """Who answered; None if nobody that tells did."""
        return self.received.get("instance")


@dataclass(frozen=True)
class PolicyMesh:
    """A running control plane with one client."""

    lab: Lab
    client: Sidecar

    async def instance(self, name: str, locality: str = "", tls: ssl.SSLContext | None = None) -> Instance:
        """A new instance on an address of its own."""
        made = running(name, self.lab.addresses.new(), SERVICE_PORT, tls, locality)
        return await self.lab.stack.enter_async_context(made)

    async def three(self) -> tuple[Instance, Instance, Instance]:
        """Instances a, b and c."""
        return await self.instance("a"), await self.instance("b"), await self.instance("c")

    async def add(
        self, name: str, policy: object, instances: Sequence[Instance], *more: object, port: str = "http"
    ) -> None:
        """Adds a service with these instances and the DestinationRule's traffic policy; returns when it is there."""
        await self.add_rule(name, {"host": name, "trafficPolicy": policy}, instances, *more, port=port)

    async def add_rule(
        self, name: str, rule: object, instances: Sequence[Instance], *more: object, port: str = "http"
    ) -> None:
        """The same with a whole DestinationRule. more: documents that belong to the service. port: its name."""
        self.write(name, rule, instances, *more, port=port)
        await self.until(lambda: self._is_answered(name), f"an answer of {name}")

    def write(self, name: str, rule: object, instances: Sequence[Instance], *more: object, port: str = "http") -> None:
        """Writes all of it, over what there was."""
        entries = (entry(name, each) for each in instances)
        documents = (_service(name, port), document("DestinationRule", name, rule), *entries, *more)
        self.lab.write(f"{name}.yaml", "---\n".join(f"{json.dumps(each)}\n" for each in documents))

    async def _is_answered(self, name: str) -> bool:
        return (await self.ask(name)).instance is not None

    async def ask(self, host: str, path: str = "/", headers: Mapping[str, str] | None = None) -> Seen:
        """A request from the client."""
        answer = await self.client.get(host, path, headers)
        is_ours = answer.body.startswith("{")
        return Seen(answer.status, json.loads(answer.body) if is_ours else {"text": answer.body}, answer.headers)

    async def ask_from(self, source: str, host: str) -> object:
        """Who answers a request that comes to the client's sidecar from another address."""
        connector = aiohttp.TCPConnector(local_addr=(source, 0))
        async with aiohttp.ClientSession(connector=connector) as session:
            answer = await self.client.get_by(session, host, "/", {})
            return json.loads(answer.body)["instance"]

    async def answered_only_by(self, host: str, *instances: str) -> None:
        """Returns when a number of requests in a row have been answered, with 200, by all of these and nobody else."""

        async def steady() -> bool:
            seen = [await self.ask(host) for _ in range(20)]
            return {(each.status, each.instance) for each in seen} == {(200, name) for name in instances}

        await self.until(steady, f"{host} answered by {instances}")

    async def cluster_stat(self, host: str, name: str) -> int:
        """A counter or gauge of the service's cluster."""
        text = await self.client.admin(f"/stats?filter=^cluster.outbound.{SERVICE_PORT}..{host}.default.*{name}$")
        return int(text.rpartition(":")[2]) if text.strip() else 0

    async def until(self, is_so: Callable[[], Awaitable[bool]], what: str) -> None:
        """Waits for something that must happen."""
        await happened(is_so, what, _LIVE_SECONDS)


def document(kind: str, name: str, spec: object, **metadata: object) -> object:
    """An object, of the default namespace unless ``metadata`` says otherwise."""
    version = "v1" if kind == "Service" else _NETWORKING
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}


def _service(name: str, port: str) -> object:
    ports = [{"name": port, "port": SERVICE_PORT}]
    return document("Service", name, {"selector": {"app": name}, "ports": ports})


def entry(service: str, instance: Instance) -> object:
    """The WorkloadEntry of an instance, whose version is its name."""
    labels = {"app": service, "version": instance.name}
    spec = {"address": instance.address, "labels": labels, "locality": instance.locality}
    return document("WorkloadEntry", f"{service}-{instance.address.replace('.', '-')}", spec)


@asynccontextmanager
async def policy_mesh(folder: Path, envoy: Path, addresses: Addresses) -> AsyncIterator[PolicyMesh]:
    """A mesh that is ready, with no service yet."""
    async with new_lab(folder, envoy, addresses) as lab:
        lab.write("nothing.yaml", "")
        await lab.serve()
        yield PolicyMesh(lab, await lab.sidecar("client", {"app": "client", "version": "a"}, LOCALITY))
