"""Mesh-wide settings (Istio ``MeshConfig``), with Istio's defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum

from xds.model.gateways import OutboundTrafficMode
from xds.model.locality import LocalityLbSetting
from xds.model.policy import ClientTLSSettings, TcpKeepalive, TrafficPolicy
from xds.model.providers import BUILT_IN, AccessLogProvider, Provider
from xds.model.proxy_settings import ProxyDefaults
from xds.model.routing import HTTPRetry
from xds.model.server_tls import TLSVersion


class AccessLogEncoding(Enum):
    """Istio ``MeshConfig.AccessLogEncoding``."""

    TEXT = "TEXT"
    JSON = "JSON"


class InboundTrafficMode(Enum):
    """Where a workload is reached whose proxy has captured a connection to it (Istio ``InboundTrafficPolicy.Mode``).

    PASSTHROUGH: at the address that the client dialled. LOCALHOST: at 127.0.0.1.
    """

    PASSTHROUGH = "PASSTHROUGH"
    LOCALHOST = "LOCALHOST"


class PathNormalization(Enum):
    """Istio ``ProxyPathNormalization.NormalizationType``: each does what those before it do. DEFAULT is BASE."""

    DEFAULT = "DEFAULT"
    NONE = "NONE"
    BASE = "BASE"
    MERGE_SLASHES = "MERGE_SLASHES"
    DECODE_AND_MERGE_SLASHES = "DECODE_AND_MERGE_SLASHES"


@dataclass(frozen=True, slots=True)
class MeshTls:
    """Istio ``MeshConfig.TLSConfig``: of handshakes. Empty: Envoy's own. from_agent: of mutual TLS, whether a proxy has
    its secrets from the agent beside it; what a MeshConfig cannot say, and each proxy does."""

    min_version: TLSVersion = TLSVersion.AUTO
    cipher_suites: tuple[str, ...] = ()
    ecdh_curves: tuple[str, ...] = ()
    from_agent: bool = False


ENVOYS_TLS = MeshTls()


@dataclass(frozen=True, slots=True)
class MeshSettings:
    """Istio ``MeshConfig``, as far as it is honoured.

    root_namespace: where mesh-wide objects live. proxy_http_port: the explicit HTTP proxy of a sidecar, 0 for none.
    listen_port, inbound_listen_port: where captured traffic arrives. access_log_file: empty for no access log;
    access_log_format: empty for Istio's, otherwise a line of text, or a JSON object. protocol_detection_timeout: how
    long a client may take for its first bytes where the protocol is unknown, 0 for ever. tcp_keepalive, h2_upgrade:
    where a DestinationRule says nothing. retries: of requests, where a rule says nothing; inbound_retries: of requests
    to workloads. export_to of services, virtual services and rules: as ``exportTo``, for objects without one.
    outbound_tls: of requests that go where DNS says. outbound_stat_name, inbound_stat_name: patterns of the names that
    clusters have in statistics, empty for their own. traffic_policy: connection pool and outlier detection, as far as a
    rule says nothing. proxy: of each proxy. domain_suffix: the cluster's DNS domain. locality: for every destination
    that has no setting of its own. providers: by name. access_logs: instead of the access log file. listener_log:
    whether connections that no filter chain is for are logged as well. trust_domain: in which workloads have their
    identities; trust_domain_aliases: others that name the same identities. mesh_mtls: what they demand of one another.
    auto_mtls: whether proxies use mutual TLS by themselves where the other end takes it. tls: of all other TLS, in
    either direction, where nothing else is said.
    """

    root_namespace: str = "istio-system"
    trust_domain: str = "cluster.local"
    trust_domain_aliases: tuple[str, ...] = ()
    outbound_traffic_policy: OutboundTrafficMode = OutboundTrafficMode.ALLOW_ANY
    outbound_tls: ClientTLSSettings | None = None
    inbound_traffic_policy: InboundTrafficMode = InboundTrafficMode.PASSTHROUGH
    outbound_stat_name: str = ""
    inbound_stat_name: str = ""
    traffic_policy: TrafficPolicy | None = None
    proxy_http_port: int = 0
    listen_port: int = 15001
    inbound_listen_port: int = 15006
    access_log_file: str = ""
    access_log_format: str = ""
    access_log_encoding: AccessLogEncoding = AccessLogEncoding.TEXT
    path_normalization: PathNormalization = PathNormalization.DEFAULT
    protocol_detection_timeout: timedelta = timedelta(0)
    connect_timeout: timedelta = timedelta(seconds=10)
    tcp_keepalive: TcpKeepalive | None = None
    h2_upgrade: bool = False
    dns_refresh_rate: timedelta = timedelta(seconds=60)
    retries: HTTPRetry | None = None
    inbound_retries: HTTPRetry | None = None
    service_export_to: tuple[str, ...] = ("*",)
    virtual_service_export_to: tuple[str, ...] = ("*",)
    destination_rule_export_to: tuple[str, ...] = ("*",)
    proxy: ProxyDefaults = field(default_factory=ProxyDefaults)
    domain_suffix: str = "cluster.local"
    locality: LocalityLbSetting = field(default_factory=LocalityLbSetting)
    providers: tuple[Provider, ...] = BUILT_IN
    access_logs: tuple[AccessLogProvider, ...] = ()
    listener_log: bool = True
    mesh_mtls: MeshTls = MeshTls()
    auto_mtls: bool = True
    tls: MeshTls = MeshTls()
    federated_trust_domains: tuple[str, ...] = ()

    @property
    def trust_domains(self) -> tuple[str, ...]:
        """All names of the trust domain, its own first."""
        return (self.trust_domain, *self.trust_domain_aliases)
