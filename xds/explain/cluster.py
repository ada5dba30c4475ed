"""The cluster that traffic is sent to: its endpoints, and every policy that it has."""

from __future__ import annotations

from collections.abc import Iterator

from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType
from envoy_data_plane.envoy.config.endpoint.v3 import ClusterLoadAssignment, LbEndpoint

from xds.explain.decode import as_json, as_json_any, in_words, parse
from xds.explain.request import Connection
from xds.explain.result import ClusterStep, EndpointShare, Policy, objects
from xds.explain.shares import Balancing, endpoint_shares
from xds.explain.speaking import spoken_to
from xds.resources import CLUSTER, ENDPOINT, Snapshot

_NO_LIMIT = (1 << 32) - 1
_DYNAMIC_FORWARD_PROXY = "envoy.clusters.dynamic_forward_proxy"
_RESOLVED = "resolved when it is asked for"
_POLICIES = (
    "load_balancing_policy",
    "ring_hash_lb_config",
    "maglev_lb_config",
    "least_request_lb_config",
    "round_robin_lb_config",
    "common_lb_config",
    "outlier_detection",
    "upstream_connection_options",
)
"""Fields that are told as they stand."""


def find_cluster(
    snapshot: Snapshot, name: str, connection: Connection, host: str = "", protocols: str = ""
) -> ClusterStep | None:
    """The cluster with this name; None if the proxy has none.

    connection, host: decide where a cluster without endpoints of its own leads, which is where the client dialled, or
    whom it named, with a port or without. host: empty if it named nobody. protocols: as in `spoken_to`.
    """
    resource = snapshot[CLUSTER].get(name)
    if resource is None:
        return None
    cluster = parse(Cluster, resource.body)
    return ClusterStep(
        name=name,
        kind=cluster.cluster_type.name if cluster.cluster_type is not None else _discovery(cluster),
        endpoints=_endpoints(snapshot, cluster, connection, host, protocols),
        policies=tuple(_policies(cluster)),
        sources=objects(resource.origins),
    )


def _discovery(cluster: Cluster) -> str:
    return ClusterDiscoveryType(cluster.type or 0).name or ""


def _endpoints(
    snapshot: Snapshot, cluster: Cluster, connection: Connection, host: str, protocols: str
) -> tuple[EndpointShare, ...]:
    spoken = spoken_to(cluster, host, protocols)
    found = spoken(LbEndpoint())  # what is found on the way says nothing of itself
    if cluster.cluster_type is not None:
        if cluster.cluster_type.name == _DYNAMIC_FORWARD_PROXY and host:
            named = _with_port(host, encrypted=cluster.transport_socket is not None)
            return (EndpointShare(named, 1.0, _RESOLVED, found),)
        return (EndpointShare(f"where {cluster.cluster_type.name} leads", 1.0),)
    if cluster.type == ClusterDiscoveryType.ORIGINAL_DST:
        config = cluster.original_dst_lb_config
        port = (config.upstream_port_override if config is not None else None) or connection.port
        address = f"[{connection.address}]" if ":" in connection.address else connection.address
        return (EndpointShare(f"{address or 'where the client dialled'}:{port}", 1.0, spoken=found),)
    assignment = _assignment(snapshot, cluster)
    return endpoint_shares(assignment, _balancing(cluster), spoken) if assignment is not None else ()


def _with_port(host: str, *, encrypted: bool) -> str:
    """An IPv6 address stands in brackets."""
    has_port = ":" in host.rpartition("]")[2]
    return host if has_port else f"{host}:{443 if encrypted else 80}"


def _assignment(snapshot: Snapshot, cluster: Cluster) -> ClusterLoadAssignment | None:
    if cluster.type != ClusterDiscoveryType.EDS:
        return cluster.load_assignment
    config = cluster.eds_cluster_config
    resource = snapshot[ENDPOINT].get((config.service_name if config is not None else "") or cluster.name)
    return parse(ClusterLoadAssignment, resource.body) if resource is not None else None


def _balancing(cluster: Cluster) -> Balancing:
    common = cluster.common_lb_config
    if common is None:
        return Balancing()
    panic = common.healthy_panic_threshold
    by_locality = common.locality_weighted_lb_config is not None
    return Balancing(by_locality, panic.value) if panic is not None else Balancing(by_locality)


def _policies(cluster: Cluster) -> Iterator[Policy]:
    """In the order in which a reader looks for them. What is as if it were not there is left out."""
    document = as_json(cluster)
    yield Policy("lb_policy", str(document.get("lb_policy", "ROUND_ROBIN")))
    if cluster.connect_timeout is not None:
        yield Policy("connect_timeout", str(document["connect_timeout"]))
    yield from (Policy(name, in_words(document[name])) for name in _POLICIES if in_words(document.get(name, "")))
    limits = [text for text in map(in_words, _thresholds(cluster)) if text]
    if limits:
        yield Policy("circuit_breakers", "; ".join(limits))
    if cluster.transport_socket is not None:
        yield Policy("transport_socket", in_words(document["transport_socket"]))
    for match in cluster.transport_socket_matches:
        yield Policy("transport_socket_match", in_words(as_json(match)))
    for options in cluster.typed_extension_protocol_options.values():
        yield Policy("protocol_options", in_words(as_json_any(options)))


def _thresholds(cluster: Cluster) -> Iterator[dict[str, object]]:
    """The limits that are any."""
    for each in cluster.circuit_breakers.thresholds if cluster.circuit_breakers is not None else ():
        limits = {name: value for name, value in as_json(each).items() if value != _NO_LIMIT}
        yield {name: value for name, value in limits.items() if name != "track_remaining"}
