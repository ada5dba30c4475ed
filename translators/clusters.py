"""CDS: the clusters of every service that a proxy may call, of its own workload, and for everything else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from translators.cluster.assignment import encoded_endpoints
from translators.cluster.buckets import buckets
from translators.cluster.inbound import inbound_clusters, inbound_passthrough
from translators.cluster.outbound import is_inline, service_clusters
from translators.cluster.passthrough import black_hole, dynamic_dns, passthrough
from translators.cluster.peers import NO_PEERS, Peers, PeersByService, bucket_peers
from translators.cluster.placement import Placement, Rankings, placements, rankings
from translators.cluster.target import Client, Target, client_of, targets
from translators.filters.dynamic_forward_proxy import resolves_unknown_hosts
from xds.model.peer_authentication import PeerPolicies
from xds.model.services import ServiceEndpoints, ServiceKey
from xds.model.settings import MeshSettings
from xds.model.view import ProxyView, ViewKey, VisibleService
from xds.pipeline import Contribution, Memo, Resources
from xds.resources import Resource


def translate(view: ProxyView, memo: Memo) -> Iterator[Contribution]:
    """All clusters of a proxy. Outbound ones depend on the kind of client alone, so proxies share them."""
    client = client_of(view.key)
    outbound = memo(_outbound, view.services, client, view.settings, memo, *_peers(view, memo))
    for bucket in memo(_placed, outbound, view.key):
        yield bucket.discovered
        for service in bucket.inline:
            endpoints, places = view.endpoints.get(service.key), service.placements
            inputs = (service.targets, client, view.settings, endpoints, view.unencrypted, service.peers, memo)
            yield memo(_inline_clusters, *inputs, *places)
    yield memo(_unknown_destinations, client, view.settings)
    if resolves_unknown_hosts(view):
        yield memo(_resolved_destinations, view.settings)
    yield memo(inbound_clusters, view.inbound, view.key.bind_ip, view.settings, view.sidecar)


@dataclass(frozen=True, slots=True, eq=False)
class _Inline:
    """A service whose endpoints are part of its clusters. rankings, placements: of each cluster, or empty."""

    key: ServiceKey
    targets: tuple[Target, ...]
    peers: Peers | None
    rankings: Rankings
    placements: tuple[Placement | None, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Bucket:
    """discovered: the clusters that need no endpoints."""

    discovered: Resources
    inline: tuple[_Inline, ...]


def _outbound(
    services: tuple[VisibleService, ...], client: Client, settings: MeshSettings, memo: Memo, *peers: PeersByService
) -> tuple[_Bucket, ...]:
    """peers: of each bucket, none for a client without an identity."""
    groups = buckets(services).values()
    pairs = zip(groups, peers or (None,) * len(groups), strict=True)
    return tuple(memo(_bucket, client, settings, known, memo, *bucket) for bucket, known in pairs)


def _peers(view: ProxyView, memo: Memo) -> tuple[PeersByService, ...]:
    """Of each bucket, for a client with an identity. The same objects as long as the same workloads are behind all."""
    if not view.key.mtls:
        return ()
    trust_domain, shards = view.settings.trust_domain, view.endpoints.shards
    return tuple(
        memo(bucket_peers, shards[number], trust_domain, view.unencrypted, memo, *bucket)
        for number, bucket in memo(buckets, view.services).items()
    )


def _placed(outbound: tuple[_Bucket, ...], key: ViewKey) -> tuple[_Bucket, ...]:
    """The buckets for one client: where it runs may matter to endpoints that are part of a cluster."""
    return tuple(_placed_bucket(bucket, key) if bucket.inline else bucket for bucket in outbound)


def _placed_bucket(bucket: _Bucket, key: ViewKey) -> _Bucket:
    inline = (replace(service, placements=placements(service.rankings, key)) for service in bucket.inline)
    return replace(bucket, inline=tuple(inline))


def _bucket(
    client: Client, settings: MeshSettings, peers: PeersByService | None, memo: Memo, *services: VisibleService
) -> _Bucket:
    known = peers.of() if peers is not None else None
    discovered: list[tuple[Resource, ...]] = []
    inline: list[_Inline] = []
    for visible in services:
        of_service = memo(targets, visible, client)
        others = known.get(visible.service.key, NO_PEERS) if known is not None else None
        if any(map(is_inline, of_service)):
            ranked = rankings((target.policy for target in of_service), settings.locality)
            inline.append(_Inline(visible.service.key, of_service, others, ranked))
        else:
            discovered.append(memo(service_clusters, of_service, client, settings, None, others))
    return _Bucket(Resources(tuple(chain.from_iterable(discovered))), tuple(inline))


def _inline_clusters(
    of_service: tuple[Target, ...],
    client: Client,
    settings: MeshSettings,
    endpoints: ServiceEndpoints | None,
    unencrypted: PeerPolicies | None,
    peers: Peers | None,
    memo: Memo,
    *placements: Placement | None,
) -> Resources:
    encoded = memo(encoded_endpoints, endpoints, unencrypted, memo) if endpoints is not None else None
    return Resources(service_clusters(of_service, client, settings, encoded, peers, *placements))


def _unknown_destinations(client: Client, settings: MeshSettings) -> Resources:
    """A gateway has no address to pass traffic through to; only where traffic is captured can it come unannounced."""
    if client is Client.GATEWAY:
        return Resources((black_hole(settings),))
    outbound = (passthrough(settings), black_hole(settings))
    return Resources((*outbound, inbound_passthrough(settings)) if client is Client.CAPTURING else outbound)


def _resolved_destinations(settings: MeshSettings) -> Resources:
    return Resources((dynamic_dns(settings),))
