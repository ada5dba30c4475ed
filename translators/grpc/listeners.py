"""LDS for gRPC clients: one API listener for each name that a service port can be dialled by.

A client that asks for a name that has none fails its calls at once and says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from envoy_data_plane.envoy.config.core.v3 import AggregatedConfigSource, ApiVersion, ConfigSource
from envoy_data_plane.envoy.config.listener.v3 import ApiListener, Listener
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpFilter,
    Rds,
)

from translators.grpc.services import called_ports, names_dialled, route_name
from translators.route.outbound import PortHost
from xds.model.view import ProxyView
from xds.pipeline import Contribution, Memo, Resources
from xds.resources import LISTENER, ROUTE, Reference, Resource
from xds.wire.encode import encode, pack_any


def translate(view: ProxyView, memo: Memo) -> Iterator[Contribution]:
    """The listeners of all service ports whose calls can be routed."""
    return (memo(_of_port, host) for host in called_ports(view, memo))


def _of_port(host: PortHost) -> Resources:
    return Resources(tuple(_listener(name, host) for name in names_dialled(host)))


def _listener(name: str, host: PortHost) -> Resource:
    route = route_name(host)
    manager = HttpConnectionManager(rds=_rds(route), http_filters=[_router()])
    listener = Listener(name=name, api_listener=ApiListener(api_listener=pack_any(manager)))
    return Resource.of(LISTENER, name, encode(listener), (Reference(ROUTE, route),), (host.visible.service.meta.key,))


def _rds(route: str) -> Rds:
    source = ConfigSource(ads=AggregatedConfigSource(), resource_api_version=ApiVersion.V3)
    return Rds(config_source=source, route_config_name=route)


@lru_cache(maxsize=1)
def _router() -> HttpFilter:
    return HttpFilter(name="envoy.filters.http.router", typed_config=pack_any(Router()))
