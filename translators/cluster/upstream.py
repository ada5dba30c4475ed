"""The fields of a cluster that do not tell it from others with the same policy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from envoy_data_plane.envoy.config.cluster.v3 import (
    Cluster,
    ClusterDiscoveryType,
    ClusterDnsLookupFamily,
    ClusterLbPolicy,
    ClusterOriginalDstLbConfig,
)
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import HttpProtocolOptions
from envoy_data_plane.google.protobuf import Any as AnyMessage

from translators.cluster.connection_pool import circuit_breakers, connect_timeout, connection_options
from translators.cluster.dynamic_forward_proxy import resolve_requested
from translators.cluster.http import HTTP_PROTOCOL_OPTIONS, UpstreamProtocol, http_options, upstream_protocol
from translators.cluster.load_balancing import common_config, load_balancing
from translators.cluster.outlier import outlier_detection
from translators.cluster.policy import PortPolicy
from translators.cluster.proxy_protocol import announcing
from translators.cluster.tls import host_options, transport_socket
from xds.model.locality import LocalityLbSetting
from xds.model.services import Protocol
from xds.model.settings import ENVOYS_TLS, MeshTls
from xds.wire.encode import encode, pack_any

_DNS = (ClusterDiscoveryType.STRICT_DNS, ClusterDiscoveryType.LOGICAL_DNS)


@dataclass(frozen=True, slots=True)
class Upstream:
    """Compared by value: services with equal policies share one encoding.

    discovery None: a dynamic forward proxy. sniffed: whether the proxy detects undeclared protocols. certificate_names:
    of a ServiceEntry. connect_timeout: where the policy has none. locality: the setting in force. dns_refresh_rate:
    where an answer has no TTL. dialled_port: instead of the one that the client dialled, 0 for none. buffer_limit: of
    each connection, in bytes. preserve_case: of the names of HTTP/1 headers. tls: the mesh's defaults.
    """

    discovery: ClusterDiscoveryType | None
    policy: PortPolicy
    protocol: Protocol
    sniffed: bool
    certificate_names: tuple[str, ...]
    connect_timeout: timedelta
    locality: LocalityLbSetting | None
    dns_refresh_rate: timedelta
    buffer_limit: int | None = None
    preserve_case: bool = False
    tls: MeshTls = ENVOYS_TLS
    dialled_port: int = 0


@lru_cache(maxsize=8192)
def upstream_fields(upstream: Upstream) -> bytes:
    """An encoded ``Cluster`` without name, metadata and endpoints.

    The cache holds bytes by value: making the messages is most of the cost of a cluster.
    """
    policy = upstream.policy
    pool, names = policy.connection_pool, upstream.certificate_names
    protocol = upstream_protocol(upstream.protocol, pool, sniffed=upstream.sniffed)
    cluster = Cluster(
        type=upstream.discovery,
        connect_timeout=connect_timeout(pool, upstream.connect_timeout),
        per_connection_buffer_limit_bytes=upstream.buffer_limit,
        circuit_breakers=circuit_breakers(pool, policy.retry_budget),
        outlier_detection=outlier_detection(policy.outlier_detection),
        upstream_connection_options=connection_options(pool),
        typed_extension_protocol_options=extension(
            http_options(
                protocol,
                pool,
                host_options(policy.tls, names),
                policy.outlier_detection,
                preserve_case=upstream.preserve_case,
            )
        ),
        transport_socket=announcing(
            transport_socket(policy.tls, names, upstream.tls, http2=protocol is UpstreamProtocol.HTTP2),
            policy.proxy_protocol,
        ),
    )
    if upstream.discovery is None:
        resolve_requested(cluster, upstream.dns_refresh_rate)
    else:
        _balance(cluster, policy, upstream.locality)
    if upstream.dialled_port:
        cluster.original_dst_lb_config = ClusterOriginalDstLbConfig(upstream_port_override=upstream.dialled_port)
    if upstream.discovery in _DNS:
        _resolve(cluster, upstream.dns_refresh_rate)
    return encode(cluster)


def extension(options: HttpProtocolOptions | None) -> dict[str, AnyMessage]:
    """The value of ``Cluster.typed_extension_protocol_options``."""
    return {HTTP_PROTOCOL_OPTIONS: pack_any(options)} if options is not None else {}


def _balance(cluster: Cluster, policy: PortPolicy, locality: LocalityLbSetting | None) -> None:
    """With ORIGINAL_DST there is nothing to choose."""
    if cluster.type is ClusterDiscoveryType.ORIGINAL_DST:
        cluster.lb_policy = ClusterLbPolicy.CLUSTER_PROVIDED
        return
    balancing = load_balancing(policy.load_balancer)
    cluster.lb_policy = balancing.policy
    cluster.least_request_lb_config = balancing.least_request
    cluster.round_robin_lb_config = balancing.round_robin
    cluster.ring_hash_lb_config = balancing.ring_hash
    cluster.maglev_lb_config = balancing.maglev
    cluster.common_lb_config = common_config(policy.outlier_detection, locality)


def _resolve(cluster: Cluster, refresh_rate: timedelta) -> None:
    """Istio resolves to IPv4 for proxies that have an IPv4 address."""
    cluster.dns_lookup_family = ClusterDnsLookupFamily.V4_ONLY
    cluster.dns_refresh_rate = refresh_rate
    cluster.respect_dns_ttl = True
