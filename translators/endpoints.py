"""EDS: the endpoints of every cluster that asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from envoy_data_plane.envoy.config.cluster.v3 import ClusterDiscoveryType

from translators.cluster.assignment import EncodedEndpoints, assignment, encoded_endpoints, shared_assignment
from translators.cluster.buckets import buckets
from translators.cluster.outbound import target_endpoints
from translators.cluster.placement import Placement, Rankings, placements, rankings
from translators.cluster.target import Client, Target, client_of, targets
from xds.model.locality import LocalityLbSetting
from xds.model.peer_authentication import PeerPolicies
from xds.model.proxy import LOCAL_CLUSTER
from xds.model.services import ServiceEndpoints, ServiceInstance, ServiceKey
from xds.model.view import ProxyView, ViewKey, VisibleService
from xds.pipeline import Contribution, Memo, Resources
from xds.resources import ENDPOINT, Resource


def translate(view: ProxyView, memo: Memo) -> Iterator[Contribution]:
    """One assignment for each EDS cluster, an empty one if it has no endpoints: without it the cluster never warms."""
    discovered = memo(_discovered, view.services, client_of(view.key), view.settings.locality, memo)
    for bucket in memo(_placed, discovered, view.key, memo):
        yield memo(_bucket_assignments, bucket, view.endpoints.shards[bucket.number], view.unencrypted, memo)
    if view.key.self_discovery:
        own = next(iter(view.key.instances), None)
        endpoints = view.endpoints.get(own.service) if own is not None else None
        yield memo(_local_cluster, own, endpoints, view.unencrypted, memo)


def _local_cluster(
    own: ServiceInstance | None, endpoints: ServiceEndpoints | None, unencrypted: PeerPolicies | None, memo: Memo
) -> Resources:
    """The instances of the client's own service, the first one if it has several. No rule has a say in it."""
    encoded = memo(encoded_endpoints, endpoints, unencrypted, memo) if endpoints is not None else {}
    group = encoded.get(own.port.number, ()) if own is not None else ()
    return Resources((Resource.of(ENDPOINT, LOCAL_CLUSTER, assignment(LOCAL_CLUSTER, group)),))


@dataclass(frozen=True, slots=True, eq=False)
class _Bucket:
    """Services with EDS clusters: those clusters of each.

    number: of the shard that all their endpoints are in. rankings, placements: of those clusters, for services where
    endpoints rank by where they run; the latter are what that means for one kind of client. kinds: the rankings, each
    once.
    """

    number: int
    targets: Mapping[ServiceKey, tuple[Target, ...]]
    kinds: tuple[Rankings, ...]
    rankings: Mapping[ServiceKey, Rankings]
    placements: Mapping[ServiceKey, tuple[Placement | None, ...]]


def _discovered(
    services: tuple[VisibleService, ...], client: Client, mesh: LocalityLbSetting, memo: Memo
) -> tuple[_Bucket, ...]:
    return tuple(memo(_bucket, number, client, mesh, memo, *bucket) for number, bucket in buckets(services).items())


def _placed(discovered: tuple[_Bucket, ...], client: ViewKey, memo: Memo) -> tuple[_Bucket, ...]:
    """The buckets for one client. Clients for which the rules mean the same share them."""
    kinds = dict.fromkeys(kind for bucket in discovered for kind in bucket.kinds)
    known = {kind: placements(kind, client) for kind in kinds}
    return tuple(
        memo(_placed_bucket, bucket, *(known[kind] for kind in bucket.kinds)) if bucket.kinds else bucket
        for bucket in discovered
    )


def _placed_bucket(bucket: _Bucket, *placements: tuple[Placement | None, ...]) -> _Bucket:
    """placements: of each of the bucket's kinds."""
    known = dict(zip(bucket.kinds, placements, strict=True))
    return replace(bucket, placements={key: known[ranked] for key, ranked in bucket.rankings.items()})


def _bucket(number: int, client: Client, mesh: LocalityLbSetting, memo: Memo, *services: VisibleService) -> _Bucket:
    found = {visible.service.key: memo(_eds_targets, visible, client, memo) for visible in services}
    ranked = {key: rankings((target.policy for target in of_service), mesh) for key, of_service in found.items()}
    ranked = {key: kind for key, kind in ranked.items() if kind}
    return _Bucket(
        number=number,
        targets={key: of_service for key, of_service in found.items() if of_service},
        kinds=tuple(dict.fromkeys(ranked.values())),
        rankings=ranked,
        placements={},
    )


def _eds_targets(visible: VisibleService, client: Client, memo: Memo) -> tuple[Target, ...]:
    return tuple(t for t in memo(targets, visible, client) if t.discovery is ClusterDiscoveryType.EDS)


def _bucket_assignments(
    bucket: _Bucket, endpoints: Mapping[ServiceKey, ServiceEndpoints], unencrypted: PeerPolicies | None, memo: Memo
) -> Resources:
    groups = (
        memo(_assignments, of_service, endpoints.get(key), unencrypted, memo, *bucket.placements.get(key, ()))
        for key, of_service in bucket.targets.items()
    )
    return Resources(tuple(resource for group in groups for resource in group))


def _assignments(
    of_service: tuple[Target, ...],
    endpoints: ServiceEndpoints | None,
    unencrypted: PeerPolicies | None,
    memo: Memo,
    *placements: Placement | None,
) -> tuple[Resource, ...]:
    encoded = memo(encoded_endpoints, endpoints, unencrypted, memo) if endpoints is not None else {}
    placed = zip(of_service, placements or (None,) * len(of_service), strict=True)
    return tuple(_assignment(target, encoded, placement, memo) for target, placement in placed)


def _assignment(target: Target, encoded: EncodedEndpoints, placement: Placement | None, memo: Memo) -> Resource:
    found = target_endpoints(target, encoded)
    share = target.subset is None
    body = (
        shared_assignment(target.name, found, placement, memo) if share else assignment(target.name, found, placement)
    )
    return Resource.of(ENDPOINT, target.name, body, (), target.origins)
