"""The clusters that lead from a sidecar to its own workload.

Field numbers are Envoy's: Cluster.metadata 25, alt_stat_name 28, load_assignment 33.
"""

from __future__ import annotations

from collections.abc import Iterator

from envoy_data_plane.envoy.config.cluster.v3 import (
    Cluster,
    ClusterDiscoveryType,
    ClusterLbPolicy,
    ClusterOriginalDstLbConfig,
)
from envoy_data_plane.envoy.config.core.v3 import BindConfig, ExtraSourceAddress, SocketAddress

from translators.cluster.address import is_unspecified, split_host_port
from translators.cluster.assignment import assignment, plain_endpoint
from translators.cluster.connection_pool import circuit_breakers, connect_timeout, connection_options
from translators.cluster.http import UpstreamProtocol, http_options, passthrough_options, upstream_protocol
from translators.cluster.mesh_defaults import buffer_limit, mesh_pool
from translators.cluster.metadata import cluster_metadata
from translators.cluster.policy import port_policy
from translators.cluster.stat_name import stat_name
from translators.cluster.upstream import extension
from translators.names import INBOUND_PASSTHROUGH_CLUSTER, inbound_cluster
from xds.model.gateways import Sidecar
from xds.model.objects import ObjectKey
from xds.model.policy import ConnectionPoolSettings
from xds.model.services import Service
from xds.model.settings import InboundTrafficMode, MeshSettings
from xds.model.view import InboundListener
from xds.pipeline import Resources
from xds.resources import CLUSTER, Resource
from xds.wire.encode import encode
from xds.wire.splice import field

_LOCALHOST = "127.0.0.1"
_SOURCE, _SOURCE_IPV6 = "127.0.0.6", "::6"
"""By these the redirection rules know what comes from the proxy, and let it pass to the workload."""


def inbound_clusters(
    listeners: tuple[InboundListener, ...], bind_ip: str, settings: MeshSettings, sidecar: Sidecar | None
) -> Resources:
    """One cluster for each port of the workload. bind_ip: the proxy's own address, empty if it is not known."""
    by_port = {listener.target_port: listener for listener in reversed(listeners)}
    return Resources(tuple(_cluster(by_port[port], bind_ip, settings, sidecar) for port in sorted(by_port)))


def inbound_passthrough(settings: MeshSettings) -> Resource:
    """For captured traffic to ports that no service declares."""
    cluster = _original_destination(INBOUND_PASSTHROUGH_CLUSTER, settings)
    cluster.typed_extension_protocol_options = extension(
        passthrough_options(mesh_pool(settings), preserve_case=settings.proxy.headers.preserve_case)
    )
    return Resource.of(CLUSTER, cluster.name, encode(cluster))


def inbound_pool(listener: InboundListener, settings: MeshSettings) -> ConnectionPoolSettings | None:
    """What holds for connections to the workload: what its Sidecar says, or else its service's DestinationRule, or else
    the mesh. One replaces the other as a whole, as in Istio.
    """
    of_rule = port_policy(listener.rule, None, listener.service_port.number).connection_pool
    return listener.pool or of_rule or mesh_pool(settings)


def _cluster(listener: InboundListener, bind_ip: str, settings: MeshSettings, sidecar: Sidecar | None) -> Resource:
    name = inbound_cluster(listener.target_port)
    cluster, tail = _destination(name, listener, bind_ip, settings)
    _limit(cluster, listener, inbound_pool(listener, settings), settings)
    service = listener.service
    described = _description(service, listener, settings.inbound_stat_name) if service is not None else b""
    return Resource.of(CLUSTER, name, encode(cluster) + described + tail, origins=tuple(_origins(listener, sidecar)))


def _limit(
    cluster: Cluster, listener: InboundListener, pool: ConnectionPoolSettings | None, settings: MeshSettings
) -> None:
    """Istio: which HTTP version a workload is spoken to is the port's matter, unless it is to be the client's."""
    protocol = upstream_protocol(listener.service_port.protocol, None, sniffed=True)
    if pool is not None and pool.http is not None and pool.http.use_client_protocol:
        protocol = UpstreamProtocol.AS_DOWNSTREAM
    cluster.connect_timeout = connect_timeout(pool, settings.connect_timeout)
    cluster.circuit_breakers = circuit_breakers(pool)
    cluster.upstream_connection_options = connection_options(pool)
    cluster.typed_extension_protocol_options = extension(
        http_options(protocol, pool, preserve_case=settings.proxy.headers.preserve_case)
    )


def _origins(listener: InboundListener, sidecar: Sidecar | None) -> Iterator[ObjectKey]:
    if sidecar is not None and (listener.declared is not None or listener.pool is not None):
        yield sidecar.meta.key
    elif listener.rule is not None:
        yield from (source.key for source in listener.rule.sources)
    if listener.service is not None:
        yield listener.service.meta.key


def _description(service: Service, listener: InboundListener, pattern: str) -> bytes:
    metadata = field(25, cluster_metadata(service))
    if not pattern:
        return metadata
    name = stat_name(pattern, service, listener.service_port, target_port=listener.target_port)
    return metadata + field(28, name.encode())


def _destination(name: str, listener: InboundListener, bind_ip: str, settings: MeshSettings) -> tuple[Cluster, bytes]:
    """The cluster, and the encoded fields that go with it.

    Istio: ``0.0.0.0:PORT`` is that port of the proxy's own address. Where the address is not part of the view, it is
    the one that the client dialled.
    """
    if not listener.default_endpoint:
        if settings.inbound_traffic_policy is InboundTrafficMode.PASSTHROUGH:
            return _original_destination(name, settings), b""
        host, port = _LOCALHOST, listener.target_port
    else:
        host, port = split_host_port(listener.default_endpoint)
    if is_unspecified(host) and not bind_ip:
        cluster = _original_destination(name, settings)
        cluster.original_dst_lb_config = ClusterOriginalDstLbConfig(upstream_port_override=port)
        return cluster, b""
    endpoint = plain_endpoint(bind_ip if is_unspecified(host) else host, port)
    return _basic(name, ClusterDiscoveryType.STATIC, settings), field(33, assignment(name, (endpoint,)))


def _original_destination(name: str, settings: MeshSettings) -> Cluster:
    cluster = _basic(name, ClusterDiscoveryType.ORIGINAL_DST, settings)
    cluster.lb_policy = ClusterLbPolicy.CLUSTER_PROVIDED
    cluster.upstream_bind_config = BindConfig(
        source_address=SocketAddress(address=_SOURCE, port_value=0),
        extra_source_addresses=[ExtraSourceAddress(address=SocketAddress(address=_SOURCE_IPV6, port_value=0))],
    )
    return cluster


def _basic(name: str, discovery: ClusterDiscoveryType, settings: MeshSettings) -> Cluster:
    pool = mesh_pool(settings)
    return Cluster(
        name=name,
        type=discovery,
        connect_timeout=connect_timeout(pool, settings.connect_timeout),
        per_connection_buffer_limit_bytes=buffer_limit(settings),
        circuit_breakers=circuit_breakers(pool),
        upstream_connection_options=connection_options(pool),
    )
