"""LDS for gRPC clients: one API listener for each name that a service port can be dialled by.

A listener is spliced from its name and what all of a service port have in common. Field numbers are Envoy's:
Listener.name 1 and api_listener 19, ApiListener.api_listener 1, HttpConnectionManager.rds 3, Rds.route_config_name 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from envoy_data_plane.envoy.config.core.v3 import AggregatedConfigSource, ApiVersion, ConfigSource
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpFilter,
    Rds,
)

from translators.grpc.services import called_groups, names_dialled, route_name
from translators.route.outbound import PortHost
from xds.model.view import ProxyView
from xds.pipeline import Contribution, Memo, Resources
from xds.resources import LISTENER, ROUTE, Reference, Resource
from xds.wire.encode import encode, pack_any
from xds.wire.registry import type_url
from xds.wire.splice import any_of, field


def translate(view: ProxyView, memo: Memo) -> Iterator[Contribution]:
    """The listeners of all service ports whose calls can be routed."""
    return (memo(_of_group, group, memo) for group in called_groups(view, memo))


def _of_group(hosts: tuple[PortHost, ...], memo: Memo) -> Resources:
    return Resources(tuple(listener for host in hosts for listener in memo(_of_port, host)))


def _of_port(host: PortHost) -> tuple[Resource, ...]:
    route = route_name(host)
    manager = field(3, _over_ads() + field(2, route.encode())) + _filters()
    api_listener = field(19, field(1, any_of(type_url(HttpConnectionManager), manager)))
    references, origins = (Reference(ROUTE, route),), (host.visible.service.meta.key,)
    return tuple(
        Resource.of(LISTENER, name, field(1, name.encode()) + api_listener, references, origins)
        for name in names_dialled(host)
    )


@lru_cache(maxsize=1)
def _over_ads() -> bytes:
    return encode(Rds(config_source=ConfigSource(ads=AggregatedConfigSource(), resource_api_version=ApiVersion.V3)))


@lru_cache(maxsize=1)
def _filters() -> bytes:
    router = HttpFilter(name="envoy.filters.http.router", typed_config=pack_any(Router()))
    return encode(HttpConnectionManager(http_filters=[router]))
