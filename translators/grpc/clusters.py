"""CDS for gRPC clients, and the endpoints of clusters that lead nowhere.

A client rejects a cluster with a policy that it does not know, so each has only what clients understand: ROUND_ROBIN,
or a ring where requests are spread by a hash, and the limit of concurrent requests. Istio's outlier detection counts
what clients do not count.

A client makes no call under a RouteConfiguration before it has every cluster in it, and waits 15 s for one that does
not exist. So all of them exist, but some have no endpoints, and calls to those fail at once: destinations that nobody
knows, names that would have to be resolved, and what is to be called with TLS, which must not travel in plain text.

Field numbers are Envoy's: Cluster.name 1, eds_cluster_config 3, metadata 25; EdsClusterConfig.service_name 2.
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

from translators.cluster.assignment import assignment
from translators.cluster.buckets import buckets
from translators.cluster.connection_pool import circuit_breakers
from translators.cluster.metadata import cluster_metadata
from translators.cluster.policy import PortPolicy
from translators.cluster.target import Client, Target, client_of, targets
from translators.cluster.tls import originates_tls
from translators.grpc.services import routed_ports
from translators.names import BLACK_HOLE_CLUSTER
from translators.route.action import destinations
from translators.route.client import ClientRules
from translators.route.destination import destination_cluster
from xds.model.objects import ObjectKey
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
    """The clusters of every service that the client may call, and of every destination in its routes."""
    client = client_of(view.key)
    groups = [memo(_bucket, client, memo, *bucket) for bucket in memo(buckets, view.services).values()]
    yield from groups
    routed = (memo(_destinations, host.port, rules) for host, rules in routed_ports(view, memo) if rules is not None)
    yield memo(_unknown, memo(_names, *groups), *routed)
    yield memo(_no_endpoints)


def _bucket(client: Client, memo: Memo, *services: VisibleService) -> Resources:
    groups = (memo(_of_service, memo(targets, visible, client)) for visible in services)
    return Resources(tuple(resource for group in groups for resource in group))


def _of_service(of_service: tuple[Target, ...]) -> tuple[Resource, ...]:
    return tuple(map(_of_target, of_service))


def _of_target(target: Target) -> Resource:
    return _live(target) if _is_usable(target) else _dead_end(target.name, target.origins)


def _is_usable(target: Target) -> bool:
    return target.discovery is ClusterDiscoveryType.EDS and not originates_tls(target.policy.tls)


def _live(target: Target) -> Resource:
    metadata = cluster_metadata(target.service, target.rule, target.subset.name if target.subset is not None else "")
    return _cluster(target.name, target.policy, target.name, target.origins, field(25, metadata))


def _dead_end(name: str, origins: tuple[ObjectKey, ...] = ()) -> Resource:
    return _cluster(name, PortPolicy(), BLACK_HOLE_CLUSTER, origins)


def _cluster(
    name: str, policy: PortPolicy, endpoints: str, origins: tuple[ObjectKey, ...], metadata: bytes = b""
) -> Resource:
    parts = (field(1, name.encode()), _policy_fields(policy), field(3, field(2, endpoints.encode())), metadata)
    return Resource.of(CLUSTER, name, b"".join(parts), (Reference(ENDPOINT, endpoints),), origins)


def _names(*groups: Resources) -> frozenset[str]:
    return frozenset(resource.name for group in groups for resource in group.resources)


def _destinations(port: int, rules: ClientRules) -> tuple[str, ...]:
    """The clusters that the routes of a port name."""
    shares = (share.destination for rule in rules.virtual_service.http for share in destinations(rule))
    return tuple(destination_cluster(share, rules.target(share.host), port) for share in shares)


def _unknown(known: frozenset[str], *named: tuple[str, ...]) -> Resources:
    unknown = dict.fromkeys(name for names in named for name in names if name not in known)
    return Resources(tuple(_dead_end(name) for name in unknown))


def _no_endpoints() -> Resources:
    return Resources((Resource.of(ENDPOINT, BLACK_HOLE_CLUSTER, assignment(BLACK_HOLE_CLUSTER, ())),))


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
