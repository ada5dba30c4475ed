"""The only fold over contributions: parts are spliced into resources, user patches run last.

Field numbers are Envoy's: RouteConfiguration.virtual_hosts 2, VirtualHost.routes 3, Route.typed_per_filter_config 13,
Listener.filter_chains 3 and default_filter_chain 25, FilterChain.filters 3, HttpConnectionManager.http_filters 5.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from xds.model.objects import ObjectKey
from xds.pipeline.contribution import (
    Contribution,
    FilterChainPart,
    HttpConnection,
    HttpFilterPart,
    ListenerPart,
    Patch,
    Resources,
    RouteOverride,
    RoutePart,
    VirtualHostPart,
    VirtualHosts,
)
from xds.pipeline.memo import Memo
from xds.pipeline.patching import Report, patch_resources, patch_virtual_host
from xds.resources import LISTENER, ROUTE, Reference, Resource, ResourceSet, Snapshot, TypeUrl
from xds.wire.splice import any_of, field

HTTP_CONNECTION_MANAGER = "envoy.filters.network.http_connection_manager"
_HCM_URL = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"

C = TypeVar("C")


@dataclass(frozen=True, slots=True, eq=False)
class _VirtualHost:
    """A finished virtual host: encoded, with its overrides and patches."""

    body: bytes
    origins: tuple[ObjectKey, ...]


def assemble(contributions: Sequence[Contribution], memo: Memo, report: Report) -> Snapshot:
    """One snapshot out of everything the translators said. Earlier contributions win where names collide."""
    patches = _only(Patch, contributions)
    filters = sorted(_only(HttpFilterPart, contributions), key=lambda part: part.phase)
    groups = {
        ROUTE: _routes(contributions, patches, memo, report),
        LISTENER: tuple(memo(build_listener, part, *filters) for part in _only(ListenerPart, contributions)),
    }
    whole = _by_type(_only(Resources, contributions))
    sets: dict[TypeUrl, ResourceSet] = {}
    for type_url in {**whole, **groups}:
        parts = memo(_resource_set, *groups.get(type_url, ()), *whole.get(type_url, ()))
        for name in parts.collisions:
            report(f"{type_url.rpartition('.')[2]} {name!r} is contributed twice; the later one is ignored")
        sets[type_url] = patch_resources(parts.set, type_url, patches, memo, report)
    return Snapshot(sets)


def _only(kind: type[C], contributions: Iterable[Contribution]) -> list[C]:
    return [contribution for contribution in contributions if isinstance(contribution, kind)]


def _by_type(groups: Iterable[Resources]) -> dict[TypeUrl, list[Resource | Resources]]:
    """Groups stay whole if all their resources are of one type, so that a set is remembered by its groups."""
    by_type: dict[TypeUrl, list[Resource | Resources]] = {}
    for group in groups:
        if group.type_url is not None:
            by_type.setdefault(group.type_url, []).append(group)
        else:
            for resource in group.resources:
                by_type.setdefault(resource.type_url, []).append(resource)
    return by_type


@dataclass(frozen=True, slots=True, eq=False)
class _Set:
    set: ResourceSet
    collisions: tuple[str, ...]


def _resource_set(*parts: Resource | Resources) -> _Set:
    by_name: dict[str, Resource] = {}
    count = 0
    collisions: list[str] = []
    for part in parts:
        for resource in part.resources if isinstance(part, Resources) else (part,):
            count += 1
            if by_name.setdefault(resource.name, resource) is not resource:
                collisions.append(resource.name)
    return _Set(ResourceSet(by_name), tuple(collisions))


# Routes


def _routes(
    contributions: Sequence[Contribution], patches: Sequence[Patch], memo: Memo, report: Report
) -> tuple[Resource, ...]:
    overrides: dict[object, list[RouteOverride]] = {}
    for override in _only(RouteOverride, contributions):
        overrides.setdefault(override.source, []).append(override)

    def finished(part: VirtualHostPart) -> _VirtualHost:
        sources = dict.fromkeys(route.source for route in part.routes) if overrides else {}
        relevant = chain.from_iterable(overrides.get(source, ()) for source in sources)
        host = memo(build_virtual_host, part, *relevant)
        body = patch_virtual_host(part.name, host.body, patches, memo, report)
        return host if body is host.body else memo(_VirtualHost, body, part.origins)

    return tuple(
        memo(build_route_configuration, part, *map(finished, part.virtual_hosts))
        for part in _only(VirtualHosts, contributions)
    )


def build_virtual_host(part: VirtualHostPart, *overrides: RouteOverride) -> _VirtualHost:
    """The virtual host's routes spliced in, each with the overrides for the rule that it comes from."""
    routes = b"".join(field(3, _route(route, overrides)) for route in part.routes)
    return _VirtualHost(part.header + routes, part.origins)


def _route(route: RoutePart, overrides: Iterable[RouteOverride]) -> bytes:
    if route.source is None:
        return route.body
    entries = (
        field(13, field(1, override.filter_name.encode()) + field(2, override.config))
        for override in overrides
        if override.source == route.source
    )
    return b"".join((route.body, *entries))


def build_route_configuration(part: VirtualHosts, *virtual_hosts: _VirtualHost) -> Resource:
    """A RouteConfiguration: its header and the bytes of its virtual hosts."""
    body = b"".join((part.header, *(field(2, host.body) for host in virtual_hosts)))
    origins = tuple(dict.fromkeys(chain.from_iterable(host.origins for host in virtual_hosts)))
    return Resource.of(ROUTE, part.route_config, body, origins=origins)


# Listeners


def build_listener(part: ListenerPart, *filters: HttpFilterPart) -> Resource:
    """A Listener: every connection manager in it gets the filters that apply, in the order given."""
    chains = b"".join(field(3, _filter_chain(chain_part, filters)) for chain_part in part.filter_chains)
    default = part.default_filter_chain
    tail = field(25, _filter_chain(default, filters)) if default is not None else b""
    references = tuple(Reference(ROUTE, name) for name in part.routes)
    return Resource.of(LISTENER, part.name, part.body + chains + tail, references, part.origins)


def _filter_chain(part: FilterChainPart, filters: Iterable[HttpFilterPart]) -> bytes:
    if part.http is None:
        return part.body
    return part.body + field(3, _connection_manager(part.http, filters))


def _connection_manager(http: HttpConnection, filters: Iterable[HttpFilterPart]) -> bytes:
    applicable = b"".join(field(5, part.body) for part in filters if part.applies_to(http))
    config = any_of(_HCM_URL, http.body + applicable)
    return field(1, HTTP_CONNECTION_MANAGER.encode()) + field(4, config)
