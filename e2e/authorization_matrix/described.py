"""Policies, and requests and connections, as values: what the interpreter reads, and what is done to an Envoy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Policy: TypeAlias = Mapping[str, Any]  # documents, whose shape the schema settles
Claims: TypeAlias = Mapping[str, object]

ROOT_NAMESPACE = "istio-system"
TRUST_DOMAIN, ALIAS = "cluster.local", "old.example"
"""The mesh's own trust domain, and another name for it."""

HTTP, OTHER_HTTP, TCP, SNIFFED, UNDECLARED = 8080, 8081, 9090, 7070, 6060
"""Ports of every workload. Nobody says what the last two speak, and of the last not even that it is there."""

HOST = "shop.example.com"
ISSUER = "issuer.example.com"
"""Of all tokens."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, or what is known of it if it is a connection of which only bytes are seen.

    principal: of the client's certificate, without ``spiffe://``; empty for plain text. source: the client's address.
    path: as it is sent, with its query. raw: whether it is none of HTTP, on ports that may be for either. claims: of
    its token, which is valid; None without one. refused_by_provider: what the provider says of it when it is asked.
    """

    port: int = HTTP
    principal: str = ""
    source: str = "127.0.0.1"
    method: str = "GET"
    host: str = HOST
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bool = False
    claims: Claims | None = None
    server_name: str = ""
    refused_by_provider: bool = False

    @property
    def is_request(self) -> bool:
        """Whether a proxy reads it. Where nobody says what is spoken, it knows requests when it sees them."""
        return self.port != TCP and not self.raw

    def __str__(self) -> str:
        who = self.principal or "nobody in particular"
        lines = [f"{who} at {self.source} to port {self.port}{'' if self.is_request else ', not a request'}"]
        lines += [f"{self.method} {self.path} host: {self.host}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines += [f"claims {self.claims}"] if self.claims is not None else []
        lines += [f"server name {self.server_name}"] if self.server_name else []
        return "\n".join([*lines, *(["the provider refuses"] if self.refused_by_provider else [])])


@dataclass(frozen=True, slots=True)
class PolicySet:
    """Policies for a workload of its own. name: of its namespace, and of the value of its label ``set``."""

    name: str
    policies: tuple[Policy, ...]

    @property
    def labels(self) -> Mapping[str, str]:
        """Of the workload."""
        return {"app": "server", "set": self.name}
