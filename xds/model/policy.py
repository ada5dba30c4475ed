"""DestinationRule: what holds for the traffic to a service after it has been routed there. Names are Istio's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum

from xds.model.labels import EMPTY_LABELS, Labels
from xds.model.locality import LocalityLbSetting
from xds.model.objects import ObjectMeta, Origin, Place


class SimpleLB(Enum):
    """Istio ``LoadBalancerSettings.SimpleLB``; UNSPECIFIED becomes LEAST_REQUEST."""

    UNSPECIFIED = "UNSPECIFIED"
    RANDOM = "RANDOM"
    PASSTHROUGH = "PASSTHROUGH"
    ROUND_ROBIN = "ROUND_ROBIN"
    LEAST_REQUEST = "LEAST_REQUEST"


@dataclass(frozen=True, slots=True)
class CookieAttribute:
    """An attribute that a cookie is set with, such as ``SameSite=Strict``, or ``Secure`` without a value."""

    name: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class HTTPCookie:
    """A session cookie to hash by. ttl None: the cookie is never generated. attributes: of a generated one."""

    name: str
    path: str = ""
    ttl: timedelta | None = None
    attributes: tuple[CookieAttribute, ...] = ()


class HashAlgorithm(Enum):
    """Istio ``ConsistentHashLB.hash_algorithm``."""

    RING_HASH = "RING_HASH"
    MAGLEV = "MAGLEV"


@dataclass(frozen=True, slots=True)
class ConsistentHashLB:
    """Istio ``ConsistentHashLB``: exactly one of the four keys is set. size: minimum ring size or Maglev table size."""

    http_header_name: str = ""
    http_cookie: HTTPCookie | None = None
    use_source_ip: bool = False
    http_query_parameter_name: str = ""
    algorithm: HashAlgorithm = HashAlgorithm.RING_HASH
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Warmup:
    """Slow start (Istio ``WarmupConfiguration``; Envoy ``SlowStartConfig``). minimum_percent: 0 to 100."""

    duration: timedelta
    minimum_percent: float | None = None
    aggression: float | None = None


@dataclass(frozen=True, slots=True)
class LoadBalancerSettings:
    """Istio ``LoadBalancerSettings``. locality: instead of the mesh's; None leaves that in force."""

    simple: SimpleLB = SimpleLB.UNSPECIFIED
    consistent_hash: ConsistentHashLB | None = None
    warmup: Warmup | None = None
    locality: LocalityLbSetting | None = None


@dataclass(frozen=True, slots=True)
class TcpKeepalive:
    """Istio ``ConnectionPoolSettings.TCPSettings.TcpKeepalive``."""

    probes: int | None = None
    time: timedelta | None = None
    interval: timedelta | None = None


@dataclass(frozen=True, slots=True)
class TCPSettings:
    """Istio ``ConnectionPoolSettings.TCPSettings``."""

    max_connections: int | None = None
    connect_timeout: timedelta | None = None
    tcp_keepalive: TcpKeepalive | None = None
    max_connection_duration: timedelta | None = None
    idle_timeout: timedelta | None = None


class H2UpgradePolicy(Enum):
    """Istio ``ConnectionPoolSettings.HTTPSettings.H2UpgradePolicy``."""

    DEFAULT = "DEFAULT"
    DO_NOT_UPGRADE = "DO_NOT_UPGRADE"
    UPGRADE = "UPGRADE"


@dataclass(frozen=True, slots=True)
class Http2KeepAlive:
    """Istio ``ConnectionPoolSettings.HTTPSettings.Http2KeepAlive``: pings on HTTP/2 connections; None is unset."""

    interval: timedelta | None = None
    timeout: timedelta | None = None


@dataclass(frozen=True, slots=True)
class HTTPSettings:
    """Istio ``ConnectionPoolSettings.HTTPSettings``."""

    http1_max_pending_requests: int | None = None
    http2_max_requests: int | None = None
    max_requests_per_connection: int | None = None
    max_retries: int | None = None
    idle_timeout: timedelta | None = None
    h2_upgrade_policy: H2UpgradePolicy = H2UpgradePolicy.DEFAULT
    use_client_protocol: bool = False
    max_concurrent_streams: int | None = None
    http2_keep_alive: Http2KeepAlive | None = None


@dataclass(frozen=True, slots=True)
class ConnectionPoolSettings:
    """Istio ``ConnectionPoolSettings``."""

    tcp: TCPSettings | None = None
    http: HTTPSettings | None = None


@dataclass(frozen=True, slots=True)
class RetryBudget:
    """Istio ``TrafficPolicy.RetryBudget``: how many retries may be under way, as a share of the requests that are.

    percent: 0 to 100. min_concurrency: retries that may always be. None is unset, with Envoy's defaults (20 % and 3).
    interval: over how long requests are counted; None counts those that are active.
    """

    percent: float | None = None
    min_concurrency: int | None = None
    interval: timedelta | None = None


@dataclass(frozen=True, slots=True)
class OutlierDetection:
    """Istio ``OutlierDetection``. Counters of 0 disable that detector; percentages are 0 to 100.

    http_error_codes: the statuses that count as errors, instead of those from 500; empty is unset.
    """

    consecutive_5xx_errors: int | None = None
    consecutive_gateway_errors: int | None = None
    split_external_local_origin_errors: bool = False
    consecutive_local_origin_failures: int | None = None
    interval: timedelta | None = None
    base_ejection_time: timedelta | None = None
    max_ejection_percent: int | None = None
    min_health_percent: int = 0
    http_error_codes: tuple[int, ...] = ()


class TLSMode(Enum):
    """Istio ``ClientTLSSettings.TLSmode``."""

    DISABLE = "DISABLE"
    SIMPLE = "SIMPLE"
    MUTUAL = "MUTUAL"
    ISTIO_MUTUAL = "ISTIO_MUTUAL"


@dataclass(frozen=True, slots=True)
class ClientTLSSettings:
    """Istio ``ClientTLSSettings``. ca_crl: revoked certificates. All files are in the proxy's own file system.

    credential_name: of a secret that the proxy asks for, instead of files; empty for none. credential_place: where that
    is written.
    """

    mode: TLSMode
    sni: str = ""
    subject_alt_names: tuple[str, ...] = ()
    ca_certificates: str = ""
    client_certificate: str = ""
    private_key: str = ""
    insecure_skip_verify: bool = False
    ca_crl: str = ""
    credential_name: str = ""
    credential_place: Place | None = field(default=None, compare=False)


class ProxyProtocol(Enum):
    """Istio ``TrafficPolicy.ProxyProtocol.VERSION``: the format of the header that tells the client's address."""

    V1 = "V1"
    V2 = "V2"


class TunnelProtocol(Enum):
    """Istio ``TrafficPolicy.TunnelSettings.protocol``: the HTTP method that opens a tunnel."""

    CONNECT = "CONNECT"
    POST = "POST"


@dataclass(frozen=True, slots=True)
class TunnelSettings:
    """Istio ``TrafficPolicy.TunnelSettings``: TCP reaches the target through the destination, an HTTP proxy."""

    target_host: str
    target_port: int
    protocol: TunnelProtocol = TunnelProtocol.CONNECT


@dataclass(frozen=True, slots=True)
class TrafficPolicy:
    """Istio ``TrafficPolicy``.

    port_level: by port number; an entry replaces load balancer, pool, outlier detection and TLS wholesale on that port.
    The rest holds for all ports.
    """

    load_balancer: LoadBalancerSettings | None = None
    connection_pool: ConnectionPoolSettings | None = None
    outlier_detection: OutlierDetection | None = None
    tls: ClientTLSSettings | None = None
    retry_budget: RetryBudget | None = None
    proxy_protocol: ProxyProtocol | None = None
    tunnel: TunnelSettings | None = None
    port_level: Mapping[int, TrafficPolicy] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subset:
    """Istio ``Subset``: the endpoints of a service that carry ``labels``."""

    name: str
    origin: Origin
    labels: Labels = EMPTY_LABELS
    traffic_policy: TrafficPolicy | None = None


@dataclass(frozen=True, slots=True)
class DestinationRule:
    """Istio ``DestinationRule``. host is fully qualified and may be a wildcard."""

    meta: ObjectMeta
    host: str
    traffic_policy: TrafficPolicy | None = None
    subsets: tuple[Subset, ...] = ()
    export_to: tuple[str, ...] = ("*",)
    workload_selector: Labels | None = None


def locality_setting(
    load_balancer: LoadBalancerSettings | None, outlier: OutlierDetection | None, mesh: LocalityLbSetting
) -> LocalityLbSetting | None:
    """The setting by which endpoints rank; None if they are all alike.

    Istio: without outlier detection there is no failover, as nothing would tell that a place is gone.
    mesh: what holds where the load balancer has none.
    """
    setting = (load_balancer.locality if load_balancer is not None else None) or mesh
    ranks = setting.distribute or setting.zone_aware or setting.always or outlier is not None
    return setting if setting.enabled and ranks else None
