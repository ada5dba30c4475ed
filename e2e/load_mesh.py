"""A service with three versions, two of them behind Envoys of their own, and the documents that change it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from e2e.echo import echo_server
from e2e.lab import Lab, Sidecar

HOST = "echo"

Document = Mapping[str, object]


@dataclass(frozen=True)
class LoadMesh:
    """The mesh, running. addresses: of every instance, by its name: v1, v2, v3, and spare, which is of version v2."""

    lab: Lab
    client: Sidecar
    addresses: Mapping[str, str]

    def put(self, name: str, document: Document | None) -> None:
        """Writes or removes one file of the configuration, at one blow: nobody ever reads half of it."""
        put(self.lab.config, name, document)


async def start(lab: Lab) -> LoadMesh:
    """Starts the mesh, its control plane included, with all traffic going to v1."""
    put_services(lab.config)
    await lab.serve()
    return await start_proxies(lab)


def put_services(config: Path) -> None:
    """Writes what does not depend on an instance."""
    put(config, "service", service(HOST))
    put(config, "destination-rule", rule("v1", "v2"))
    put(config, "virtual-service", route(v1=100))


async def start_proxies(lab: Lab) -> LoadMesh:
    """Starts the instances and all Envoys, whose control plane is running already."""
    addresses = {
        "v1": await _behind_a_sidecar(lab, "v1"),
        "v2": await _behind_a_sidecar(lab, "v2"),
        "v3": await lab.echo("v3"),
        "spare": await lab.echo("spare"),
    }
    for version in ("v1", "v2", "v3"):
        put(lab.config, f"workload-{version}", workload(version, version, addresses[version]))
    return LoadMesh(lab, await lab.sidecar("client"), addresses)


async def _behind_a_sidecar(lab: Lab, version: str) -> str:
    """Starts an instance with an Envoy in front of it; returns the Envoy's address."""
    port = await lab.stack.enter_async_context(echo_server(version, "127.0.0.1"))
    labels = {"app": HOST, "version": version}
    put(lab.config, f"sidecar-{version}", in_front(version, labels, f"127.0.0.1:{port}"))
    return (await lab.sidecar(f"{HOST}-{version}", labels)).ip


def put(config: Path, name: str, document: Document | None) -> None:
    """`LoadMesh.put` for any folder. JSON is YAML."""
    path = config / f"{name}.yaml"
    if document is None:
        path.unlink()
        return
    hidden = config / f".{name}.new"
    hidden.write_text(json.dumps(document))
    hidden.replace(path)


def route(**weights: int) -> Document:
    """A VirtualService that parts the requests among subsets."""
    destinations = [
        {"destination": {"host": HOST, "subset": subset}, "weight": weight} for subset, weight in weights.items()
    ]
    return istio("VirtualService", HOST, {"hosts": [HOST], "http": [{"route": destinations}]})


def route_to(host: str) -> Document:
    """A VirtualService that sends all requests to a service as a whole."""
    return istio("VirtualService", HOST, {"hosts": [HOST], "http": [{"route": [{"destination": {"host": host}}]}]})


def rule(*subsets: str, policy: str = "LEAST_REQUEST", detection: Document | None = None) -> Document:
    """A DestinationRule with a subset for each version. policy: how requests are spread, which changes the clusters.
    detection: of outliers; none unless given."""
    traffic: Document = {"loadBalancer": {"simple": policy}, **({"outlierDetection": detection} if detection else {})}
    spec = {"host": HOST, "trafficPolicy": traffic, "subsets": _subsets(subsets)}
    return istio("DestinationRule", HOST, spec)


def workload(name: str, version: str, address: str) -> Document:
    """A WorkloadEntry of the service."""
    return istio("WorkloadEntry", f"{HOST}-{name}", {"address": address, "labels": {"app": HOST, "version": version}})


def service(name: str, **labels: str) -> Document:
    """A Service of all instances, or of those with these labels."""
    spec = {"selector": {"app": HOST, **labels}, "ports": [{"name": "http", "port": 9080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def in_front(version: str, labels: Mapping[str, str], endpoint: str) -> Document:
    """The Sidecar of an instance: its Envoy hands requests over to this endpoint."""
    port = {"number": 9080, "protocol": "HTTP", "name": "http"}
    ingress = [{"port": port, "defaultEndpoint": endpoint}]
    return istio("Sidecar", f"{HOST}-{version}", {"workloadSelector": {"labels": labels}, "ingress": ingress})


def _subsets(names: Sequence[str]) -> Sequence[Document]:
    return [{"name": name, "labels": {"version": name}} for name in names]


def istio(kind: str, name: str, spec: Document) -> Document:
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
