"""EDS: the endpoints of every cluster that asks for them."""

from __future__ import annotations

from collections.abc import Iterator
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
        yield memo(_bucket_assignments, bucket, memo, *map(view.endpoints.get, bucket.keys))


@dataclass(frozen=True, slots=True, eq=False)
class _Bucket:
    """Services with EDS clusters: their keys, and those clusters of each."""

    keys: tuple[ServiceKey, ...]
    targets: tuple[tuple[Target, ...], ...]


def _discovered(services: tuple[VisibleService, ...], client: Client, memo: Memo) -> tuple[_Bucket, ...]:
    return tuple(memo(_bucket, client, memo, *bucket) for bucket in buckets(services))


def _bucket(client: Client, memo: Memo, *services: VisibleService) -> _Bucket:
    discovered = [(visible.service.key, memo(_eds_targets, visible, client, memo)) for visible in services]
    used = [entry for entry in discovered if entry[1]]
    return _Bucket(tuple(key for key, _ in used), tuple(of_service for _, of_service in used))


def _eds_targets(visible: VisibleService, client: Client, memo: Memo) -> tuple[Target, ...]:
    return tuple(t for t in memo(targets, visible, client) if t.discovery is ClusterDiscoveryType.EDS)


def _bucket_assignments(bucket: _Bucket, memo: Memo, *endpoints: ServiceEndpoints | None) -> Resources:
    groups = (
        memo(_assignments, of_service, own, memo) for of_service, own in zip(bucket.targets, endpoints, strict=True)
    )
    return Resources(tuple(resource for group in groups for resource in group))


def _assignments(
    of_service: tuple[Target, ...], endpoints: ServiceEndpoints | None, memo: Memo
) -> tuple[Resource, ...]:
    encoded = memo(encoded_endpoints, endpoints) if endpoints is not None else {}
    return tuple(
        Resource.of(
            ENDPOINT, target.name, assignment(target.name, target_endpoints(target, encoded)), (), target.origins
        )
        for target in of_service
    )
