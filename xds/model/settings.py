"""Mesh-wide settings (Istio ``MeshConfig``), with Istio's defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from xds.model.gateways import OutboundTrafficMode
from xds.model.locality import LocalityLbSetting


@dataclass(frozen=True, slots=True)
class MeshSettings:
    """Istio ``MeshConfig``, as far as it is honoured.

    root_namespace: where mesh-wide objects live. proxy_http_port: the explicit HTTP proxy of a sidecar, 0 for none.
    access_log_file: empty for no access log. domain_suffix: the cluster's DNS domain. locality: for every destination
    that has no setting of its own.
    """

    root_namespace: str = "istio-system"
    trust_domain: str = "cluster.local"
    outbound_traffic_policy: OutboundTrafficMode = OutboundTrafficMode.ALLOW_ANY
    proxy_http_port: int = 0
    access_log_file: str = ""
    connect_timeout: timedelta = timedelta(seconds=10)
    domain_suffix: str = "cluster.local"
    locality: LocalityLbSetting = field(default_factory=LocalityLbSetting)
