"""What a proxy is, as its operator states it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from xds.model.identity import SpiffeId
from xds.model.proxy import CaptureMode, ProxyType

DEFAULT_SERVICE_ACCOUNT: Final = "default"
"""Kubernetes', of Pods that name none."""


@dataclass(frozen=True, slots=True)
class ProxySpec:
    """A proxy as the command line describes it: the input of `bootstrap` and `render`.

    locality: ``region/zone/subzone``, or empty. proxyless: a gRPC client without a proxy. self_discovery: it
    is to know where the instances of its own service are. workload_group: in which its workload registers itself. mtls:
    it is to have proven who it is. more_ips: addresses beside the primary one. sds_from_agent: its certificate comes
    from an agent beside it. probed: that looks at its workload as well, and tells.
    """

    name: str
    namespace: str
    ip: str
    type: ProxyType = ProxyType.SIDECAR
    capture: CaptureMode = CaptureMode.REDIRECT
    service_account: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    domain_suffix: str = "cluster.local"
    cluster_id: str = "Kubernetes"
    locality: str = ""
    proxyless: bool = False
    self_discovery: bool = False
    workload_group: str = ""
    mtls: bool = False
    more_ips: tuple[str, ...] = ()
    sds_from_agent: bool = False
    probed: bool = False

    @property
    def node_id(self) -> str:
        """Istio's format: ``sidecar~IP~name.namespace~namespace.svc.cluster.local``."""
        domain = f"{self.namespace}.svc.{self.domain_suffix}"
        return f"{self.type.value}~{self.ip}~{self.name}.{self.namespace}~{domain}"

    def identity(self, trust_domain: str) -> SpiffeId | None:
        """What it has proven to be, None if nothing. Raises ValueError if its names cannot be in one."""
        if not self.mtls:
            return None
        return SpiffeId.of_workload(trust_domain, self.namespace, self.service_account or DEFAULT_SERVICE_ACCOUNT)

    @property
    def metadata(self) -> dict[str, object]:
        """Node metadata under Istio's keys."""
        return {
            "NAME": self.name,
            "NAMESPACE": self.namespace,
            "SERVICE_ACCOUNT": self.service_account,
            "CLUSTER_ID": self.cluster_id,
            "LABELS": dict(self.labels),
            "INSTANCE_IPS": ",".join((self.ip, *self.more_ips)),
            "INTERCEPTION_MODE": self.capture.name,
            **({"GENERATOR": "grpc"} if self.proxyless else {}),
            **({"ENABLE_SELF_DISCOVERY": "true"} if self.self_discovery else {}),
            **({"SDS_FROM_AGENT": "true"} if self.sds_from_agent else {}),
            **({"AUTO_REGISTER_GROUP": self.workload_group} if self.workload_group else {}),
            **({"PROXY_CONFIG": {"readinessProbe": {}}} if self.probed else {}),
        }
