"""The outbound clusters of one service.

A cluster is spliced from its own fields and those that it shares. Field numbers are Envoy's: Cluster.name 1,
eds_cluster_config 3, metadata 25, alt_stat_name 28, load_assignment 33; EdsClusterConfig.service_name 2.
"""

from __future__ import annotations

from envoy_data_plane.envoy.config.cluster.v3 import ClusterDiscoveryType, ClusterEdsClusterConfig
from envoy_data_plane.envoy.config.core.v3 import AggregatedConfigSource, ApiVersion, ConfigSource

from translators.cluster.assignment import EncodedEndpoints, assignment, selected
from translators.cluster.mesh_defaults import buffer_limit, with_mesh_defaults
from translators.cluster.metadata import cluster_metadata
from translators.cluster.mutual_tls import mutual_tls, mutual_tls_fields
from translators.cluster.peers import Peers
from translators.cluster.placement import EncodedEndpoint, Placement
from translators.cluster.stat_name import stat_name
from translators.cluster.target import Client, Target
from translators.cluster.tls import secrets
from translators.cluster.upstream import Upstream, upstream_fields
from translators.filters.mesh_protocols import PROTOCOLS
from translators.tls import mesh_secrets
from xds.model.policy import locality_setting
from xds.model.services import Resolution
from xds.model.settings import MeshSettings
from xds.resources import CLUSTER, ENDPOINT, SECRET, Reference, Resource
from xds.wire.encode import encode
from xds.wire.splice import field

_OVER_ADS = encode(
    ClusterEdsClusterConfig(eds_config=ConfigSource(ads=AggregatedConfigSource(), resource_api_version=ApiVersion.V3))
)
_INLINE = (ClusterDiscoveryType.STRICT_DNS, ClusterDiscoveryType.LOGICAL_DNS)


def is_inline(target: Target) -> bool:
    """True if the endpoints are part of the cluster: names that Envoy resolves."""
    return target.discovery in _INLINE


def target_endpoints(target: Target, endpoints: EncodedEndpoints) -> tuple[EncodedEndpoint, ...]:
    """Those of the service's endpoints that belong to this cluster."""
    of_port = endpoints.get(target.port.number, ())
    return of_port if target.subset is None else selected(of_port, target.subset.labels)


def service_clusters(
    targets: tuple[Target, ...],
    client: Client,
    settings: MeshSettings,
    endpoints: EncodedEndpoints | None,
    peers: Peers | None,
    *placements: Placement | None,
) -> tuple[Resource, ...]:
    """One cluster for each target.

    endpoints: of a service whose clusters have them inline. peers: None for a client without an identity. placements:
    one for each target, or none at all.
    """
    return tuple(
        _cluster(target, client, settings, endpoints or {}, peers, place)
        for target, place in zip(targets, placements or (None,) * len(targets), strict=True)
    )


def _cluster(
    target: Target,
    client: Client,
    settings: MeshSettings,
    endpoints: EncodedEndpoints,
    peers: Peers | None,
    placement: Placement | None,
) -> Resource:
    mutual = mutual_tls(target, settings, peers)
    inline = target_endpoints(target, endpoints) if is_inline(target) else ()
    upstream = Upstream(
        discovery=_feasible(target.discovery, len(inline)),
        policy=with_mesh_defaults(target.policy, settings, target.port.protocol),
        protocol=target.port.protocol,
        sniffed=client is not Client.GATEWAY,
        certificate_names=target.service.subject_alt_names,
        connect_timeout=settings.connect_timeout,
        locality=locality_setting(target.policy.load_balancer, target.policy.outlier_detection, settings.locality),
        dns_refresh_rate=settings.dns_refresh_rate,
        buffer_limit=buffer_limit(settings, gateway=client is Client.GATEWAY),
        preserve_case=settings.proxy.headers.preserve_case,
        tls=settings.tls,
        dialled_port=_dialled_port(target),
    )
    subset = target.subset.name if target.subset is not None else ""
    metadata = cluster_metadata(target.service, target.rule, subset, PROTOCOLS if mutual is not None else "")
    body = [field(1, target.name.encode()), upstream_fields(upstream), field(25, metadata)]
    if settings.outbound_stat_name:
        name = stat_name(settings.outbound_stat_name, target.service, target.port, subset=subset)
        body.append(field(28, name.encode()))
    asked = secrets(target.policy.tls)
    if mutual is not None:
        body.append(mutual_tls_fields(mutual))
        asked = mesh_secrets(settings.mesh_mtls)
    references = tuple(Reference(SECRET, name) for name in asked)
    if target.discovery is ClusterDiscoveryType.EDS:
        body.append(field(3, _OVER_ADS + field(2, target.name.encode())))
        references = (Reference(ENDPOINT, target.name), *references)
    elif is_inline(target):
        body.append(field(33, assignment(target.name, inline, placement)))
    return Resource.of(CLUSTER, target.name, b"".join(body), references, target.origins)


def _dialled_port(target: Target) -> int:
    """Istio: without resolution, ``targetPort`` takes the place of the port that the client dialled."""
    dialled = target.discovery is ClusterDiscoveryType.ORIGINAL_DST and target.service.resolution is Resolution.NONE
    return target.port.target if dialled and isinstance(target.port.target, int) else 0


def _feasible(discovery: ClusterDiscoveryType | None, endpoints: int) -> ClusterDiscoveryType | None:
    """Envoy refuses LOGICAL_DNS with other than one endpoint; STRICT_DNS takes any number."""
    if discovery is ClusterDiscoveryType.LOGICAL_DNS and endpoints != 1:
        return ClusterDiscoveryType.STRICT_DNS
    return discovery
