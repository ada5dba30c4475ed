"""CDS for gRPC clients.

A client rejects a cluster with a policy that it does not know, so each has only what clients understand: ROUND_ROBIN,
or a ring where requests are spread by a hash, and the limit of concurrent requests. Istio's outlier detection counts
what clients do not count. Left out are clusters that would have to resolve names, and those that would have to
originate TLS: without them calls fail, while with less than what was asked for they would travel in plain text. Field
numbers are Envoy's: Cluster.name 1, eds_cluster_config 3, metadata 25; EdsClusterConfig.service_name 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from envoy_data_plane.envoy.config.cluster.v3 import (
    Cluster,
    ClusterDiscoveryType,
    ClusterEdsClusterConfig,
    ClusterLbPolicy,
    ClusterRingHashLbConfig,
)
from envoy_data_plane.envoy.config.core.v3 import AggregatedConfigSource, ApiVersion, ConfigSource

from translators.cluster.buckets import buckets
from translators.cluster.connection_pool import circuit_breakers
from translators.cluster.metadata import cluster_metadata
from translators.cluster.policy import PortPolicy
from translators.cluster.target import Client, Target, client_of, targets
from translators.cluster.tls import originates_tls
from xds.model.policy import ConsistentHashLB, HashAlgorithm
from xds.model.view import ProxyView, VisibleService
from xds.pipeline import Contribution, Memo, Resources
from xds.resources import CLUSTER, ENDPOINT, Reference, Resource
from xds.wire.encode import encode
from xds.wire.splice import field

_RING_SIZE = 1024
"""The smallest, unless it is given: Istio's, as for Envoy."""

_LARGEST_RING_SIZE = 2**23
"""A client rejects a cluster that asks for more."""


def translate(view: ProxyView, memo: Memo) -> Iterator[Contribution]:
    """The clusters of every service that the client may call."""
    for bucket in buckets(view.services).values():
        yield memo(_bucket, client_of(view.key), memo, *bucket)


def _bucket(client: Client, memo: Memo, *services: VisibleService) -> Resources:
    groups = (memo(_of_service, memo(targets, visible, client)) for visible in services)
    return Resources(tuple(resource for group in groups for resource in group))


def _of_service(of_service: tuple[Target, ...]) -> tuple[Resource, ...]:
    return tuple(_cluster(target) for target in of_service if _is_usable(target))


def _is_usable(target: Target) -> bool:
    return target.discovery is ClusterDiscoveryType.EDS and not originates_tls(target.policy.tls)


def _cluster(target: Target) -> Resource:
    name = target.name.encode()
    metadata = cluster_metadata(target.service, target.rule, target.subset.name if target.subset is not None else "")
    parts = (field(1, name), _policy_fields(target.policy), field(3, field(2, name)), field(25, metadata))
    return Resource.of(CLUSTER, target.name, b"".join(parts), (Reference(ENDPOINT, target.name),), target.origins)


@lru_cache(maxsize=1024)
def _policy_fields(policy: PortPolicy) -> bytes:
    """An encoded ``Cluster`` without name and metadata; endpoints over ADS."""
    source = ConfigSource(ads=AggregatedConfigSource(), resource_api_version=ApiVersion.V3)
    cluster = Cluster(
        type=ClusterDiscoveryType.EDS,
        eds_cluster_config=ClusterEdsClusterConfig(eds_config=source),
        circuit_breakers=circuit_breakers(policy.connection_pool),
    )
    _balance(cluster, policy)
    return encode(cluster)


def _balance(cluster: Cluster, policy: PortPolicy) -> None:
    hashing = policy.load_balancer.consistent_hash if policy.load_balancer is not None else None
    if hashing is None:
        cluster.lb_policy = ClusterLbPolicy.ROUND_ROBIN
    else:
        cluster.lb_policy = ClusterLbPolicy.RING_HASH
        cluster.ring_hash_lb_config = ClusterRingHashLbConfig(minimum_ring_size=_ring_size(hashing))


def _ring_size(hashing: ConsistentHashLB) -> int:
    given = hashing.size if hashing.algorithm is HashAlgorithm.RING_HASH else None
    return min(given or _RING_SIZE, _LARGEST_RING_SIZE)
