"""The clusters for outbound traffic that belongs to no known service."""

from __future__ import annotations

from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType, ClusterLbPolicy

from translators.cluster.connection_pool import circuit_breakers
from translators.cluster.http import passthrough_options
from translators.cluster.upstream import extension
from translators.names import BLACK_HOLE_CLUSTER, PASSTHROUGH_CLUSTER
from xds.model.settings import MeshSettings
from xds.resources import CLUSTER, Resource
from xds.wire.encode import encode


def passthrough(settings: MeshSettings) -> Resource:
    """To wherever the application dialled."""
    cluster = Cluster(
        name=PASSTHROUGH_CLUSTER,
        type=ClusterDiscoveryType.ORIGINAL_DST,
        connect_timeout=settings.connect_timeout,
        lb_policy=ClusterLbPolicy.CLUSTER_PROVIDED,
        circuit_breakers=circuit_breakers(None),
        typed_extension_protocol_options=extension(passthrough_options()),
    )
    return Resource.of(CLUSTER, cluster.name, encode(cluster))


def black_hole(settings: MeshSettings) -> Resource:
    """To nowhere: there are no endpoints."""
    cluster = Cluster(
        name=BLACK_HOLE_CLUSTER, type=ClusterDiscoveryType.STATIC, connect_timeout=settings.connect_timeout
    )
    return Resource.of(CLUSTER, cluster.name, encode(cluster))
