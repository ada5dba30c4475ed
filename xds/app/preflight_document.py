"""Resources as a static Envoy configuration in which each stands by itself, to be validated and not to be run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import cast

from xds.app.redact import Json
from xds.app.render import Document, static_config
from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, Resource, TypeUrl
from xds.resources.types import EXTENSION_CONFIG
from xds.wire.protojson import to_json

CHECKED = frozenset({CLUSTER, ENDPOINT, LISTENER, ROUTE, EXTENSION_CONFIG})
"""The types that a static configuration can hold."""

_FILTERS = "type.googleapis.com/envoy.extensions.filters"
_HOST = "127.255.255.254"
"""Where the listeners around routes are: no listener of a mesh has this address."""


def static_document(resources: Iterable[Resource]) -> Document:
    """A configuration that Envoy accepts if it accepts every resource.

    Only of types in `CHECKED`, of each type no name twice. Clusters are without their endpoints and listeners without
    their routes and extensions; endpoints get a cluster, routes and extensions a listener of their own.
    """
    by_type: dict[TypeUrl, list[Document]] = {type_url: [] for type_url in CHECKED}
    for resource in resources:
        by_type[resource.type_url].append(cast("Document", to_json(resource.type_url, resource.body)))
    sections = {
        "clusters": [*by_type[CLUSTER], *map(_cluster_of, by_type[ENDPOINT])],
        "endpoints": [],
        "listeners": [*by_type[LISTENER], *_listeners_of(by_type[ROUTE], by_type[EXTENSION_CONFIG])],
        "routes": [],
    }
    return cast("Document", _without_cluster_checks(static_config(sections)))


def _without_cluster_checks(value: Json) -> Json:
    """Routes may name clusters that are not here: they have not changed."""
    if isinstance(value, list):
        return [_without_cluster_checks(item) for item in value]
    if not isinstance(value, dict):
        return value
    copied = {key: _without_cluster_checks(item) for key, item in value.items()}
    routes = copied.get("route_config")
    return {**copied, "route_config": {**routes, "validate_clusters": False}} if isinstance(routes, dict) else copied


def _cluster_of(endpoints: Document) -> Document:
    name = f"endpoints of {endpoints['cluster_name']}"
    return {"name": name, "type": "STATIC", "connect_timeout": "1s", "load_assignment": endpoints}


def _listeners_of(routes: Iterable[Document], extensions: Iterable[Document]) -> Iterator[Document]:
    chains = chain(map(_around_routes, routes), map(_around_extension, extensions))
    for port, (name, filters) in enumerate(chains, 1):
        yield {
            "name": name,
            "address": {"socket_address": {"address": _HOST, "port_value": port}},
            "filter_chains": [{"filters": filters}],
        }


def _around_routes(routes: Document) -> tuple[str, Json]:
    return f"routes of {routes['name']}", [_manager(routes)]


def _around_extension(extension: Document) -> tuple[str, Json]:
    """HTTP filters stand in a connection manager, others before one."""
    config = extension["typed_config"]
    kind = config.get("@type") if isinstance(config, dict) else ""
    if str(kind).startswith(f"{_FILTERS}.network."):
        return f"extension {extension['name']}", [extension, _manager({})]
    return f"extension {extension['name']}", [_manager({}, extension)]


def _manager(routes: Document, *filters: Json) -> Document:
    manager: Document = {
        "@type": f"{_FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "routes",
        "route_config": routes,
        "http_filters": [
            *filters,
            {"name": "router", "typed_config": {"@type": f"{_FILTERS}.http.router.v3.Router"}},
        ],
    }
    return {"name": "http", "typed_config": manager}
