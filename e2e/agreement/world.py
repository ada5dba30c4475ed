"""What every generated case has in common: services whose endpoints tell which of them got a request, and a proxy."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from envoy_data_plane.envoy.config.route.v3 import RouteConfiguration

Document: TypeAlias = Mapping[str, object]

GATEWAY_PORT = 8080
PROXY_PORT = 15080
SUBSETS = ("v1", "v2")
SERVICES = ("shop", "cart")
_NETWORK = 100 + os.getpid() % 100
"""Two test runs at the same time take different addresses."""


class Kind(Enum):
    """Through which kind of proxy a case goes. TABLE: one that has a table of routes, whatever made it."""

    GATEWAY = "gateway"
    SIDECAR = "sidecar"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it is written to the connection. path: with its query."""

    method: str
    authority: str
    path: str
    headers: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        lines = (f"{self.method} {self.path} HTTP/1.1", f"host: {self.authority}")
        return "\n".join((*lines, *(f"{name}: {value}" for name, value in self.headers)))


@dataclass(frozen=True, slots=True)
class Case:
    """A configuration, and requests to a proxy that has it. virtual_services: specs. table: of a TABLE."""

    kind: Kind
    requests: tuple[Sent, ...]
    virtual_services: tuple[Document, ...] = ()
    table: RouteConfiguration | None = None


def case_address(number: int) -> str:
    """Where the proxy of a case listens."""
    return f"127.{_NETWORK}.{number // 250}.{number % 250 + 1}"


def endpoint_address(service: str, subset: str) -> str:
    """The address of the one endpoint of a subset."""
    return f"127.{_NETWORK}.200.{SERVICES.index(service) * 10 + SUBSETS.index(subset) + 1}"


def services_text(port: int) -> str:
    """The services, in all cases. port: where all endpoints listen."""
    documents = [document for name in SERVICES for document in _service(name, port)]
    return _yaml(documents)


def case_text(case: Case, address: str) -> str:
    """What is a case's own. No object has a name that another case has, so that each is judged by itself."""
    own = address.replace(".", "-")
    gateway = _istio("Gateway", "front", {"selector": {"app": "gateway"}, "servers": [_server(address)]})
    rules = [_istio("VirtualService", f"rules-{own}-{n}", spec) for n, spec in enumerate(case.virtual_services)]
    return _yaml([*([gateway] if case.kind is Kind.GATEWAY else []), *rules])


def _server(address: str) -> Document:
    return {"port": {"number": GATEWAY_PORT, "name": "http", "protocol": "HTTP"}, "bind": address, "hosts": ["*"]}


def _service(name: str, port: int) -> Sequence[Document]:
    ports = [{"name": "http", "port": 80, "targetPort": port}]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": ports},
    }
    entries = [
        _istio(
            "WorkloadEntry",
            f"{name}-{subset}",
            {"address": endpoint_address(name, subset), "labels": {"app": name, "version": subset}},
        )
        for subset in SUBSETS
    ]
    subsets = [{"name": subset, "labels": {"version": subset}} for subset in SUBSETS]
    return [service, *entries, _istio("DestinationRule", name, {"host": name, "subsets": subsets})]


def _istio(kind: str, name: str, spec: Document) -> Document:
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def _yaml(documents: Sequence[Document]) -> str:
    """JSON is YAML."""
    return "\n---\n".join(map(json.dumps, documents))
