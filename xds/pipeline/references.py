"""Which other resources a message makes its client subscribe to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import betterproto2
from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType
from envoy_data_plane.envoy.config.listener.v3 import FilterChain, Listener
from envoy_data_plane.envoy.config.route.v3 import RouteConfiguration, VirtualHost
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpConnectionManager

from xds.pipeline.secrets import secrets_of
from xds.resources import ENDPOINT, ROUTE, VIRTUAL_HOST, Reference
from xds.resources.names import canonical, canonical_names

HCM_TYPE_URL = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"


def aliases_of(message: betterproto2.Message) -> tuple[str, ...]:
    """A virtual host that is served on its own is asked for as ``route/domain``; its own name is ``route/anything``."""
    if not isinstance(message, VirtualHost):
        return ()
    route = message.name.rpartition("/")[0]
    return tuple(f"{route}/{domain}" for domain in message.domains)


def references_of(message: betterproto2.Message) -> tuple[Reference, ...]:
    """A cluster with EDS refers to its endpoints, a listener to the routes that its connection managers ask for, either
    to the secrets of its TLS, and a RouteConfiguration whose virtual hosts come on demand to them all."""
    if isinstance(message, Cluster):
        matches = (match.transport_socket for match in message.transport_socket_matches)
        return (*_endpoints(message), *secrets_of(message.transport_socket, *matches))
    if isinstance(message, Listener):
        routes = (Reference(ROUTE, name) for name in canonical_names(_routes(message)).unique)
        return (*routes, *secrets_of(*(chain.transport_socket for chain in _chains(message))))
    if isinstance(message, RouteConfiguration) and message.vhds is not None:
        return (Reference(VIRTUAL_HOST, f"{message.name}/*"),)
    return ()


def _endpoints(cluster: Cluster) -> tuple[Reference, ...]:
    if cluster.type is not ClusterDiscoveryType.EDS:
        return ()
    config = cluster.eds_cluster_config
    return (Reference(ENDPOINT, canonical((config.service_name if config else "") or cluster.name)),)


def _routes(listener: Listener) -> Iterator[str]:
    for chain in _chains(listener):
        for network_filter in chain.filters:
            config = network_filter.typed_config
            if config is None or config.type_url != HCM_TYPE_URL:
                continue
            manager = HttpConnectionManager.parse(config.value)
            if manager.rds is not None:
                yield manager.rds.route_config_name


def _chains(listener: Listener) -> Iterable[FilterChain]:
    if listener.default_filter_chain is None:
        return listener.filter_chains
    return (*listener.filter_chains, listener.default_filter_chain)
