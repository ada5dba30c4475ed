"""EDS: the endpoints of every cluster that asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from envoy_data_plane.envoy.config.cluster.v3 import ClusterDiscoveryType

from translators.cluster.assignment import assignment, encoded_endpoints
from translators.cluster.buckets import buckets
from translators.cluster.outbound import target_endpoints
from translators.cluster.target import Client, Target, client_of, targets
from xds.model.services import ServiceEndpoints, ServiceKey
from xds.model.view import ProxyView, VisibleService
from xds.pipeline import Contribution, Memo, Resources
from xds.resources import ENDPOINT, Resource


def translate(view: ProxyView, memo: Memo) -> Iterator[Contribution]:
    """One assignment for each EDS cluster, an empty one if it has no endpoints: without it the cluster never warms."""
    for bucket in memo(_discovered, view.services, client_of(view.key), memo):
        yield memo(_bucket_assignments, bucket, view.endpoints.shards[bucket.number], memo)


@dataclass(frozen=True, slots=True, eq=False)
class _Bucket:
    """Services with EDS clusters: those clusters of each. number: of the shard that all their endpoints are in."""

    number: int
    targets: Mapping[ServiceKey, tuple[Target, ...]]


def _discovered(services: tuple[VisibleService, ...], client: Client, memo: Memo) -> tuple[_Bucket, ...]:
    return tuple(memo(_bucket, number, client, memo, *bucket) for number, bucket in buckets(services).items())


def _bucket(number: int, client: Client, memo: Memo, *services: VisibleService) -> _Bucket:
    found = {visible.service.key: memo(_eds_targets, visible, client, memo) for visible in services}
    return _Bucket(number, {key: of_service for key, of_service in found.items() if of_service})


def _eds_targets(visible: VisibleService, client: Client, memo: Memo) -> tuple[Target, ...]:
    return tuple(t for t in memo(targets, visible, client) if t.discovery is ClusterDiscoveryType.EDS)


def _bucket_assignments(bucket: _Bucket, endpoints: Mapping[ServiceKey, ServiceEndpoints], memo: Memo) -> Resources:
    groups = (memo(_assignments, of_service, endpoints.get(key), memo) for key, of_service in bucket.targets.items())
    return Resources(tuple(resource for group in groups for resource in group))


def _assignments(
    of_service: tuple[Target, ...], endpoints: ServiceEndpoints | None, memo: Memo
) -> tuple[Resource, ...]:
    encoded = memo(encoded_endpoints, endpoints, memo) if endpoints is not None else {}
    return tuple(
        Resource.of(
            ENDPOINT, target.name, assignment(target.name, target_endpoints(target, encoded)), (), target.origins
        )
        for target in of_service
    )
