"""A proxy's resources as documents: for reading, for tools, and as a static Envoy configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias, cast

from xds.app.redact import Json, redacted
from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET, Snapshot, TypeUrl
from xds.resources.types import EXTENSION_CONFIG
from xds.wire.protojson import to_json

Document: TypeAlias = dict[str, Json]

SECTIONS: Mapping[str, TypeUrl] = {
    "clusters": CLUSTER,
    "endpoints": ENDPOINT,
    "listeners": LISTENER,
    "routes": ROUTE,
    "secrets": SECRET,
    "extension_configs": EXTENSION_CONFIG,
}
"""The keys of a rendered document, in order, and the type of the resources in each."""


def render(snapshot: Snapshot) -> dict[str, list[Document]]:
    """Every resource of the snapshot in protobuf's JSON mapping, by section, ordered by name. Keys are not shown."""
    return {section: _documents(snapshot, type_url) for section, type_url in SECTIONS.items()}


def _documents(snapshot: Snapshot, type_url: TypeUrl) -> list[Document]:
    resources = sorted(snapshot[type_url], key=lambda resource: resource.name)
    return [cast("Document", redacted(cast("Json", to_json(type_url, resource.body)))) for resource in resources]


def static_config(rendered: Mapping[str, Sequence[Document]], admin: Document | None = None) -> Document:
    """A complete Envoy configuration (``bootstrap.v3.Bootstrap``) with the resources in place of their discovery.

    Clusters carry their endpoints, connection managers their routes and filters their extensions, so that Envoy needs
    no control plane: ``envoy -c``, or ``envoy --mode validate -c``. Secrets have no place in it: what needs one fails.
    Envoy takes such a cluster only if it knows by what name it would ask.
    """
    endpoints = {str(document["cluster_name"]): document for document in rendered["endpoints"]}
    routes = {str(document["name"]): document for document in rendered["routes"]}
    extensions = {str(document["name"]): document for document in rendered.get("extension_configs", ())}
    named = _Named(routes, extensions)
    resources: Document = {
        "clusters": [_with_endpoints(cluster, endpoints) for cluster in rendered["clusters"]],
        "listeners": [cast("Document", _replaced(listener, named)) for listener in rendered["listeners"]],
    }
    document: Document = {"node": {"id": "static", "cluster": "static"}, "static_resources": resources}
    return {"admin": admin, **document} if admin else document


def _with_endpoints(cluster: Document, endpoints: Mapping[str, Document]) -> Document:
    if cluster.get("type") != "EDS":
        return cluster
    config = cluster.get("eds_cluster_config")
    service_name = config.get("service_name") if isinstance(config, dict) else None
    name = str(service_name or cluster["name"])
    rest = {key: value for key, value in cluster.items() if key != "eds_cluster_config"}
    return {**rest, "type": "STATIC", "load_assignment": endpoints.get(name, {"cluster_name": name})}


class _Named(NamedTuple):
    """What listeners ask for by name."""

    routes: Mapping[str, Document]
    extensions: Mapping[str, Document]


def _replaced(value: Json, named: _Named) -> Json:
    """A copy in which every ``rds`` has become a ``route_config``, and every extension stands where it is asked for."""
    if isinstance(value, list):
        return [_replaced(item, named) for item in value]
    if not isinstance(value, dict):
        return value
    extension = named.extensions.get(str(value.get("name"))) if "config_discovery" in value else None
    if extension is not None:
        kept = {key: item for key, item in value.items() if key != "config_discovery"}
        return {**kept, "typed_config": extension["typed_config"]}
    return dict(_replaced_items(value, named))


def _replaced_items(value: Document, named: _Named) -> Iterator[tuple[str, Json]]:
    for key, item in value.items():
        if key == "rds" and isinstance(item, dict):
            name = str(item.get("route_config_name", ""))
            yield "route_config", named.routes.get(name, {"name": name})
        else:
            yield key, _replaced(item, named)
