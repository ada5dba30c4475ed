"""The resources of a proxy with a table of routes: a listener, the table, two clusters with an endpoint each."""

from __future__ import annotations

from datetime import timedelta

from betterproto2 import Message
from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType
from envoy_data_plane.envoy.config.core.v3 import Address, SocketAddress
from envoy_data_plane.envoy.config.endpoint.v3 import ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints
from envoy_data_plane.envoy.config.listener.v3 import Filter, FilterChain, Listener
from envoy_data_plane.envoy.config.route.v3 import RouteConfiguration
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpFilter,
)

from e2e.agreement.tables import CLUSTERS
from e2e.agreement.world import GATEWAY_PORT, SERVICES, SUBSETS, endpoint_address
from xds.resources import CLUSTER, LISTENER, Resource, ResourceSet, Snapshot, TypeUrl
from xds.wire.encode import encode, pack_any


def snapshot(table: RouteConfiguration, address: str, port: int) -> Snapshot:
    """address: of the proxy. port: of all endpoints."""
    router = HttpFilter(name="router", typed_config=pack_any(Router()))
    manager = HttpConnectionManager(
        stat_prefix="table", route_config=table, http_filters=[router], normalize_path=True, use_remote_address=False
    )
    chain = FilterChain(filters=[Filter(name="http", typed_config=pack_any(manager))])
    listener = Listener(name="table", address=_address(address, GATEWAY_PORT), filter_chains=[chain])
    found = [
        _resource(CLUSTER, name, _cluster(name, endpoint_address(SERVICES[0], subset), port))
        for name, subset in zip(CLUSTERS, SUBSETS, strict=True)
    ]
    return Snapshot(
        {LISTENER: ResourceSet.of([_resource(LISTENER, "table", listener)]), CLUSTER: ResourceSet.of(found)}
    )


def _cluster(name: str, ip: str, port: int) -> Cluster:
    endpoint = LbEndpoint(endpoint=Endpoint(address=_address(ip, port)))
    assignment = ClusterLoadAssignment(cluster_name=name, endpoints=[LocalityLbEndpoints(lb_endpoints=[endpoint])])
    return Cluster(
        name=name, type=ClusterDiscoveryType.STATIC, connect_timeout=timedelta(seconds=5), load_assignment=assignment
    )


def _address(ip: str, port: int) -> Address:
    return Address(socket_address=SocketAddress(address=ip, port_value=port))


def _resource(type_url: TypeUrl, name: str, message: Message) -> Resource:
    return Resource.of(type_url, name, encode(message))
