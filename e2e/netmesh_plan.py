"""What there is to be in a mesh of network namespaces, and around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from e2e.capture.namespaces import ipv6_of
from xds.model.identity import SpiffeId

TRUST_DOMAIN = "cluster.local"


@dataclass(frozen=True, slots=True)
class Member:
    """A workload, or a gateway.

    ip: its address, as that of its namespace, which has one of IPv6 besides. options: of its agent. application: a
    program that is started in the namespace; without one, what a test opens there is the application. capture: what is
    said to ``capture apply``; None for gateways, whose traffic is their Envoy's own.
    """

    name: str
    ip: str
    account: str
    options: tuple[str, ...]
    namespace: str = "default"
    application: tuple[str, ...] = ()
    capture: tuple[str, ...] | None = ()

    @property
    def ips(self) -> str:
        """What its agent says of its addresses."""
        return f"{self.ip},{ipv6_of(self.ip)}"

    @property
    def identity(self) -> SpiffeId:
        return SpiffeId.of_workload(TRUST_DOMAIN, self.namespace, self.account)


def gateway(name: str, ip: str, account: str, namespace: str) -> Member:
    """A gateway with the label ``istio: NAME``."""
    options = ("--type", "gateway", "--label", f"istio={name}")
    return Member(name, ip, account, options, namespace, capture=None)


@dataclass(frozen=True, slots=True)
class Plan:
    """What there is to be.

    configuration: the folder that the control plane's is a copy of. mesh_config: the file, of which it gets a copy too.
    hosts: what programs resolve. outside: hosts on the same network that are not of the mesh, and their addresses.
    beside: programs on the bridge, by name.
    """

    members: tuple[Member, ...]
    configuration: Path
    mesh_config: Path
    hosts: Mapping[str, str]
    outside: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
