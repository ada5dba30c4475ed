"""A proxy: an Envoy or a gRPC client that asks for configuration, as its Node describes it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from typing import Final

from xds.model.identity import SpiffeId
from xds.model.labels import EMPTY_LABELS, Labels
from xds.model.services import UNKNOWN_LOCALITY, Locality

LOCAL_CLUSTER: Final = "local_cluster"
"""The cluster of a proxy's own service in its bootstrap (Istio's name)."""

SDS_CLUSTER: Final = "sds-grpc"
"""The cluster of the agent beside a proxy in its bootstrap, from which it has its workload's secrets (Istio's name)."""


class ProxyType(Enum):
    """The role in Istio's node id; a gateway calls itself ``router`` there."""

    SIDECAR = "sidecar"
    ROUTER = "router"


class CaptureMode(Enum):
    """How traffic reaches a sidecar.

    REDIRECT: iptables sends everything to 15001 and 15006. NONE: applications address it explicitly, and every
    listener binds the proxy's own IP.
    """

    REDIRECT = "redirect"
    NONE = "none"


class IpVersions(Enum):
    """Some versions of the Internet Protocol."""

    NONE = ()
    IPV4 = (4,)
    IPV6 = (6,)
    BOTH = (4, 6)


@dataclass(frozen=True, slots=True)
class Proxy:
    """One Envoy. id is its whole node id; name and namespace are the workload's.

    ip_addresses: the first is the primary one. dns_domain: ``<namespace>.svc.<domain suffix>``. proxyless: no Envoy at
    all, but the workload's own gRPC library, which routes and balances its calls itself. self_discovery: it asks where
    the instances of its own service are, which zone-aware load balancing needs. dns_capture: names are resolved for its
    workload by something beside it, which knows the mesh's (Istio ``DNS_CAPTURE``). group: the WorkloadGroup of its
    namespace in which its workload is to be registered, empty for none (Istio ``AUTO_REGISTER_GROUP``). probed:
    something beside it looks at the workload's health, and will tell. metadata: what of its node's is
    text. overheard: others could read what it is sent, as it is connected in plain text from another machine.
    identity: what it has proven to be, None if nothing. sds_from_agent: its workload's certificate, and what others'
    are checked against, come from an agent beside it, so that no key has to be sent to it (``SDS_FROM_AGENT``).
    """

    id: str
    type: ProxyType
    name: str
    namespace: str
    ip_addresses: tuple[str, ...]
    dns_domain: str
    labels: Labels = EMPTY_LABELS
    service_account: str = ""
    cluster_id: str = ""
    network: str = ""
    locality: Locality = UNKNOWN_LOCALITY
    capture: CaptureMode = CaptureMode.REDIRECT
    version: str = ""
    proxyless: bool = False
    self_discovery: bool = False
    dns_capture: bool = False
    group: str = ""
    probed: bool = False
    metadata: Labels = EMPTY_LABELS
    overheard: bool = False
    identity: SpiffeId | None = None
    sds_from_agent: bool = False

    @property
    def ip_versions(self) -> IpVersions:
        """Of its addresses."""
        return IpVersions(tuple(sorted({ip_address(address).version for address in self.ip_addresses})))

    def __str__(self) -> str:
        """``name.namespace``, the way every command of ours names a proxy."""
        return f"{self.name}.{self.namespace}"
