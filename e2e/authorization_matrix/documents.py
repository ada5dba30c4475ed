"""The workloads of all sets, as documents, and the settings of their mesh."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from e2e.authorization_matrix.described import ALIAS, HTTP, OTHER_HTTP, SNIFFED, TCP, PolicySet

Document = dict[str, object]

PROVIDER: Final = "authorizer"
PROVIDER_PORT: Final = 9000
_PORTS: Final[Mapping[int, str]] = {HTTP: "http-one", OTHER_HTTP: "http-two", TCP: "tcp", SNIFFED: "any"}
_NETWORKING: Final = "networking.istio.io/v1"
_CONNECTION: Final = "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS%"
_LINE: Final = f"{_CONNECTION}|%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS%\n"
"""By its ends a client knows what is said of its connection."""


def mesh_config(log: Path) -> str:
    """The settings: who decides from outside, and what is written to ``log``."""
    where = {"service": f"{PROVIDER}.example.com", "port": PROVIDER_PORT}
    return json.dumps(
        {
            "trustDomainAliases": [ALIAS],
            "accessLogFile": str(log),
            "accessLogFormat": _LINE,
            "extensionProviders": [{"name": PROVIDER, "envoyExtAuthzGrpc": where}],
        }
    )


def shared(authorizer: str) -> str:
    """What all sets have in common. authorizer: its address."""
    port = {"number": PROVIDER_PORT, "name": "grpc", "protocol": "GRPC"}
    hosts = {"hosts": [f"{PROVIDER}.example.com"], "ports": [port]}
    where = {"resolution": "STATIC", "endpoints": [{"address": authorizer}]}
    return json.dumps(_object(_NETWORKING, "ServiceEntry", {**hosts, **where}))


def of_set(policies: PolicySet, address: str, jwt_rule: object) -> str:
    """A set's own: its workload, which sees nothing of the mesh, and its policies. jwt_rule: whose tokens it takes."""
    ports = [{"name": name, "port": number} for number, name in _PORTS.items()]
    documents: tuple[tuple[str, str, object], ...] = (
        ("v1", "Service", {"selector": {"app": "server"}, "ports": ports}),
        (_NETWORKING, "WorkloadEntry", {"address": address, "labels": policies.labels}),
        (_NETWORKING, "Sidecar", {"egress": [{"hosts": ["~/*"]}]}),
        ("security.istio.io/v1", "RequestAuthentication", {"jwtRules": [jwt_rule]}),
    )
    return _yaml([*(_object(*each, policies.name) for each in documents), *policies.policies])


def _object(version: str, kind: str, spec: object, namespace: str = "default") -> Document:
    metadata = {"name": "server", "namespace": namespace}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def _yaml(documents: Iterable[object]) -> str:
    """JSON is YAML."""
    return "\n---\n".join(map(json.dumps, documents))
