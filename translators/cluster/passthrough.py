"""The clusters for outbound traffic that belongs to no known service."""

from __future__ import annotations

from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType, ClusterLbPolicy
from envoy_data_plane.envoy.config.core.v3 import UpstreamHttpProtocolOptions
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import HttpProtocolOptions

from translators.cluster.connection_pool import circuit_breakers, connect_timeout, connection_options
from translators.cluster.dynamic_forward_proxy import resolve_requested
from translators.cluster.http import passthrough_options
from translators.cluster.mesh_defaults import buffer_limit, mesh_pool
from translators.cluster.tls import host_options, transport_socket
from translators.cluster.upstream import extension
from translators.names import BLACK_HOLE_CLUSTER, DYNAMIC_DNS_CLUSTER, PASSTHROUGH_CLUSTER
from xds.model.settings import MeshSettings
from xds.resources import CLUSTER, Resource
from xds.wire.encode import encode


def passthrough(settings: MeshSettings) -> Resource:
    """To wherever the application dialled."""
    cluster = _unknown(PASSTHROUGH_CLUSTER, settings)
    cluster.type = ClusterDiscoveryType.ORIGINAL_DST
    cluster.typed_extension_protocol_options = extension(_options(settings, None))
    return Resource.of(CLUSTER, cluster.name, encode(cluster))


def dynamic_dns(settings: MeshSettings) -> Resource:
    """To where DNS says that a request's host is, with TLS if the mesh's settings have any for it."""
    tls = settings.outbound_tls
    by_host = host_options(tls, ())
    cluster = _unknown(DYNAMIC_DNS_CLUSTER, settings)
    resolve_requested(cluster, settings.dns_refresh_rate)
    cluster.typed_extension_protocol_options = extension(_options(settings, by_host))
    cluster.transport_socket = transport_socket(tls, (), settings.tls, http2=False)
    return Resource.of(CLUSTER, cluster.name, encode(cluster))


def black_hole(settings: MeshSettings) -> Resource:
    """To nowhere: there are no endpoints."""
    cluster = Cluster(
        name=BLACK_HOLE_CLUSTER, type=ClusterDiscoveryType.STATIC, connect_timeout=settings.connect_timeout
    )
    return Resource.of(CLUSTER, cluster.name, encode(cluster))


def _options(settings: MeshSettings, upstream: UpstreamHttpProtocolOptions | None) -> HttpProtocolOptions:
    preserve_case = settings.proxy.headers.preserve_case
    return passthrough_options(mesh_pool(settings), upstream, preserve_case=preserve_case)


def _unknown(name: str, settings: MeshSettings) -> Cluster:
    pool = mesh_pool(settings)
    return Cluster(
        name=name,
        connect_timeout=connect_timeout(pool, settings.connect_timeout),
        per_connection_buffer_limit_bytes=buffer_limit(settings),
        lb_policy=ClusterLbPolicy.CLUSTER_PROVIDED,
        circuit_breakers=circuit_breakers(pool),
        upstream_connection_options=connection_options(pool),
    )
