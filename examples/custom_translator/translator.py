"""Every answer of reviews says which mesh it came through, and every proxy knows the cluster of a legacy system."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType
from envoy_data_plane.envoy.config.core.v3 import Address, HeaderValue, HeaderValueOption, SocketAddress
from envoy_data_plane.envoy.config.endpoint.v3 import ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints
from envoy_data_plane.envoy.config.route.v3 import VirtualHost

import translators
from xds import Contribution, Memo, ProxyView, add, patch

ADDRESS = Address(socket_address=SocketAddress(address="127.0.0.1", port_value=8888))
ENDPOINTS = LocalityLbEndpoints(lb_endpoints=[LbEndpoint(endpoint=Endpoint(address=ADDRESS))])
LEGACY = Cluster(
    name="legacy",
    type=ClusterDiscoveryType.STATIC,
    connect_timeout=timedelta(seconds=1),
    load_assignment=ClusterLoadAssignment(cluster_name="legacy", endpoints=[ENDPOINTS]),
)


def add_header(host: VirtualHost) -> VirtualHost:
    host.response_headers_to_add.append(HeaderValueOption(header=HeaderValue(key="x-mesh", value="pilothouse")))
    return host


def mine(_view: ProxyView, memo: Memo) -> Iterable[Contribution]:
    yield memo(add, LEGACY)  # built and encoded once, for all proxies and all changes
    yield patch(VirtualHost, "reviews.default.svc.cluster.local:9080", add_header)


TRANSLATORS = (*translators.DEFAULT, mine)
