"""Resources of a proxy, made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from betterproto2 import Message
from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType
from envoy_data_plane.envoy.config.core.v3 import Address, SocketAddress, TransportSocket
from envoy_data_plane.envoy.config.endpoint.v3 import ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints
from envoy_data_plane.envoy.config.listener.v3 import Filter, FilterChain, Listener
from envoy_data_plane.envoy.config.route.v3 import Route, RouteConfiguration, VirtualHost
from envoy_data_plane.envoy.extensions.filters.http.cors.v3 import Cors
from envoy_data_plane.envoy.extensions.filters.http.fault.v3 import HttpFault
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpFilter,
)

from xds.explain import PLAIN, TLS, Connection, Explanation, Request, explain
from xds.model.objects import ObjectKey
from xds.resources import CLUSTER, LISTENER, PartSources, Resource, ResourceSet, Snapshot, Source
from xds.wire.encode import encode, pack_any

ADDRESS, PORT = "10.0.0.1", 80
CORS, FAULT, ROUTER = "cors", "fault", "router"
RULE = Source(ObjectKey("VirtualService", "default", "a"), ("spec", "http", 0))


def manager(table: RouteConfiguration | None, *more: HttpFilter) -> HttpConnectionManager:
    """A connection manager with its routes inline."""
    filters: dict[str, Message] = {CORS: Cors(), FAULT: HttpFault(), ROUTER: Router()}
    built = [HttpFilter(name=name, typed_config=pack_any(config)) for name, config in filters.items()]
    return HttpConnectionManager(stat_prefix="a", route_config=table, http_filters=[*more, *built])


def routes(*found: Route, host: VirtualHost | None = None, specific_wins: bool = False) -> RouteConfiguration:
    """A table with one virtual host for everything."""
    virtual_host = host or VirtualHost(name="all", domains=["*"])
    virtual_host.routes = list(found)
    return RouteConfiguration(
        name="table", virtual_hosts=[virtual_host], most_specific_header_mutations_wins=specific_wins
    )


def clusters(*names: str) -> Sequence[Cluster]:
    """Clusters with one endpoint each: 10.1.0.1:80 for the first, and so on."""
    return [_cluster(name, f"10.1.0.{number}") for number, name in enumerate(names, 1)]


def _cluster(name: str, ip: str) -> Cluster:
    address = Address(socket_address=SocketAddress(address=ip, port_value=PORT))
    endpoint = LbEndpoint(endpoint=Endpoint(address=address))
    assignment = ClusterLoadAssignment(cluster_name=name, endpoints=[LocalityLbEndpoints(lb_endpoints=[endpoint])])
    return Cluster(name=name, type=ClusterDiscoveryType.STATIC, load_assignment=assignment)


def snapshot(
    network_filter: Message,
    found: Sequence[Cluster] = (),
    parts: tuple[PartSources, ...] = (),
    more: Mapping[str, Message] | None = None,
    *,
    tls: bool = False,
) -> Snapshot:
    """A listener with one chain that ends in this filter, and clusters. tls: whether the chain ends TLS."""
    chain = FilterChain(
        name="chain",
        filters=[Filter(name="last", typed_config=pack_any(network_filter))],
        transport_socket=TransportSocket(name="tls") if tls else None,
    )
    listener = Listener(
        name="listener",
        address=Address(socket_address=SocketAddress(address=ADDRESS, port_value=PORT)),
        filter_chains=[chain],
    )
    resource = Resource.of(LISTENER, "listener", encode(listener), parts=parts)
    return Snapshot(
        {
            LISTENER: ResourceSet.of([resource]),
            CLUSTER: ResourceSet.of(Resource.of(CLUSTER, each.name, encode(each)) for each in found),
        }
    )


def asked(
    of: Snapshot,
    path: str = "/",
    *headers: tuple[str, str],
    method: str = "GET",
    authority: str = "a",
    tls: bool = False,
) -> Explanation:
    """What a request meets. tls: whether the client speaks it."""
    connection = Connection(ADDRESS, PORT, TLS if tls else PLAIN, protocols=("http/1.1",))
    request = Request.of(method, authority, path, headers, "https" if tls else "http")
    return explain(of, connection, request, through_capture=False)


def connected(of: Snapshot, port: int = PORT) -> Explanation:
    """What a connection meets on which nothing is said."""
    return explain(of, Connection(ADDRESS, port), None, through_capture=False)
