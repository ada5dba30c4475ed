"""A proxy's resources as documents: for reading, for tools, and as a static Envoy configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias, cast

from xds.app.redact import Json, redacted
from xds.model.proxy import SDS_CLUSTER
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
    "extensions": EXTENSION_CONFIG,
}
"""The keys of a rendered document, in order, and the type of the resources in each."""


def render(snapshot: Snapshot, *, show_secrets: bool = False) -> dict[str, list[Document]]:
    """Every resource of the snapshot in protobuf's JSON mapping, by section, ordered by name.

    show_secrets: with private keys and passwords, in whose place ``[redacted]`` stands otherwise.
    """
    rendered = {section: _documents(snapshot, type_url) for section, type_url in SECTIONS.items()}
    return rendered if show_secrets else cast("dict[str, list[Document]]", redacted(cast("Json", rendered)))


def _documents(snapshot: Snapshot, type_url: TypeUrl) -> list[Document]:
    resources = sorted(snapshot[type_url], key=lambda resource: resource.name)
    return [cast("Document", to_json(type_url, resource.body)) for resource in resources]


def static_config(
    rendered: Mapping[str, Sequence[Document]], admin: Document | None = None, *, with_secrets: bool = False
) -> Document:
    """A complete Envoy configuration (``bootstrap.v3.Bootstrap``) with the resources in place of their discovery.

    Clusters carry their endpoints, connection managers their routes, and filters what they ask for by name, so that
    Envoy needs no control plane: ``envoy -c``, or ``envoy --mode validate -c``. A filter is left out if what it asks
    for is not there. with_secrets: whether the secrets are part of it, which then must not be redacted. Without them,
    what needs one fails, and Envoy takes such a cluster only if it knows by what name it would ask.
    """
    endpoints = {str(document["cluster_name"]): document for document in rendered["endpoints"]}
    by_name = {
        section: {str(document["name"]): document for document in rendered.get(section, ())}
        for section in ("routes", "extensions", *(("secrets",) if with_secrets else ()))
    }
    resources: Document = {
        "clusters": [_complete(_with_endpoints(cluster, endpoints), by_name) for cluster in rendered["clusters"]],
        "listeners": [_complete(listener, by_name) for listener in rendered["listeners"]],
    }
    if _mentions(resources, SDS_CLUSTER):
        resources["clusters"] = [*cast("list[Json]", resources["clusters"]), _AGENT]
    if with_secrets:
        resources["secrets"] = list(rendered["secrets"])
    document: Document = {"node": {"id": "static", "cluster": "static"}, "static_resources": resources}
    return {"admin": admin, **document} if admin else document


_AGENT: Final[Document] = {"name": SDS_CLUSTER, "type": "STATIC", "connect_timeout": "1s"}
"""Stands for the agent, which a bootstrap has, where resources ask for it: Envoy refuses those that name no cluster."""


def _mentions(value: Json, name: str) -> bool:
    """Whether a cluster of this name is asked for secrets."""
    if isinstance(value, list):
        return any(_mentions(item, name) for item in value)
    if isinstance(value, dict):
        named = value.get("envoy_grpc") == {"cluster_name": name}
        return named or any(_mentions(each, name) for each in value.values())
    return False


def _with_endpoints(cluster: Document, endpoints: Mapping[str, Document]) -> Document:
    if cluster.get("type") != "EDS":
        return cluster
    config = cluster.get("eds_cluster_config")
    service_name = config.get("service_name") if isinstance(config, dict) else None
    name = str(service_name or cluster["name"])
    rest = {key: value for key, value in cluster.items() if key != "eds_cluster_config"}
    return {**rest, "type": "STATIC", "load_assignment": endpoints.get(name, {"cluster_name": name})}


_ByName: TypeAlias = Mapping[str, Mapping[str, Document]]


def _complete(resource: Document, by_name: _ByName) -> Document:
    """A copy in which every ``rds`` has become a ``route_config``, every ``config_discovery`` what is found by it, and
    secrets that are there are not asked for."""
    return cast("Document", _replaced(resource, by_name))


def _replaced(value: Json, by_name: _ByName) -> Json:
    if isinstance(value, list):
        return [_replaced(item, by_name) for item in value if not _is_missing(item, by_name)]
    if isinstance(value, dict):
        return dict(_replaced_items(value, by_name))
    return value


def _is_missing(value: Json, by_name: _ByName) -> bool:
    """True for a filter whose configuration is found by a name that nothing has."""
    discovery = value.get("config_discovery") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(discovery, dict):
        return False
    return str(value.get("name")) not in by_name["extensions"] and "default_config" not in discovery


def _replaced_items(value: Document, by_name: _ByName) -> Iterator[tuple[str, Json]]:
    for key, item in value.items():
        if key == "rds" and isinstance(item, dict):
            name = str(item.get("route_config_name", ""))
            yield "route_config", by_name["routes"].get(name, {"name": name})
        elif key == "config_discovery" and isinstance(item, dict):
            found = by_name["extensions"].get(str(value.get("name")), {})
            yield "typed_config", found.get("typed_config", item.get("default_config"))
        elif key != "sds_config" or str(value.get("name")) not in by_name.get("secrets", {}):
            yield key, _replaced(item, by_name)
