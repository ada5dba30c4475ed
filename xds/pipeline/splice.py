"""Parts to whole resources, spliced out of encoded bytes.

Field numbers are Envoy's: RouteConfiguration.virtual_hosts 2, VirtualHost.routes 3, Route.typed_per_filter_config 13,
Listener.filter_chains 3 and default_filter_chain 25, FilterChain.filters 3, HttpConnectionManager.http_filters 5.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import chain

from xds.model.objects import ObjectKey
from xds.pipeline.contribution import (
    FilterChainPart,
    FilterPart,
    HttpConnection,
    HttpFilterPart,
    ListenerPart,
    NetworkFilterPart,
    RouteOverride,
    RoutePart,
    Side,
    VirtualHostPart,
    VirtualHosts,
)
from xds.pipeline.references import HCM_TYPE_URL
from xds.resources import LISTENER, ROUTE, SECRET, PartSources, Reference, Resource, Source, content_version
from xds.wire.splice import any_of, enclosed, field

HTTP_CONNECTION_MANAGER = "envoy.filters.network.http_connection_manager"


@dataclass(frozen=True, slots=True, eq=False)
class VirtualHost:
    """A finished virtual host: encoded, with its overrides and patches. sources: of it and its routes."""

    body: bytes
    sources: PartSources


@dataclass(frozen=True, slots=True, eq=False)
class JoinedVirtualHosts:
    """Some of the virtual hosts of a RouteConfiguration, as its encoded fields. version: of these. origins: of all
    together; parts: of each."""

    fields: bytes
    version: str
    origins: tuple[ObjectKey, ...]
    parts: tuple[PartSources, ...]


def build_virtual_host(part: VirtualHostPart, *overrides: RouteOverride) -> VirtualHost:
    """The virtual host's routes spliced in, each with the overrides for the rule that it comes from."""
    routes = b"".join(field(3, _route(route, overrides)) for route in part.routes)
    return VirtualHost(part.header + routes, PartSources(part.origins, partial(_sources, part.routes)))


def _sources(routes: tuple[RoutePart, ...]) -> tuple[Source | None, ...]:
    return tuple(map(_source, routes))


def _source(route: RoutePart) -> Source | None:
    if route.source is None:
        return None
    key, rule = route.written or route.source
    match = () if route.match is None else ("match", route.match)
    return Source(key, ("spec", "http", rule, *match))


def _route(route: RoutePart, overrides: Iterable[RouteOverride]) -> bytes:
    if route.source is None:
        return route.body
    entries = (
        field(13, field(1, override.filter_name.encode()) + field(2, override.config))
        for override in overrides
        if override.source == route.source
    )
    return b"".join((route.body, *entries))


def join_virtual_hosts(*hosts: VirtualHost) -> JoinedVirtualHosts:
    """Virtual hosts as they stand in a RouteConfiguration."""
    fields = b"".join(chain.from_iterable(enclosed(2, host.body) for host in hosts))
    parts = tuple(host.sources for host in hosts)
    origins = tuple(dict.fromkeys(chain.from_iterable(part.origins for part in parts)))
    return JoinedVirtualHosts(fields, content_version(fields), origins, parts)


def build_route_configuration(part: VirtualHosts, *groups: JoinedVirtualHosts) -> Resource:
    """A RouteConfiguration: its header and the bytes of its virtual hosts. Its version is made of theirs: with many,
    hashing the whole again would be most of the cost of a change."""
    body = b"".join((part.header, *(group.fields for group in groups)))
    version = content_version(b"".join((part.header, *(group.version.encode() for group in groups))))
    origins = tuple(chain.from_iterable(group.origins for group in groups))
    parts = tuple(chain.from_iterable(group.parts for group in groups))
    return Resource(ROUTE, part.route_config, body, version, origins=origins, parts=parts)


def build_listener(part: ListenerPart, *filters: FilterPart) -> Resource:
    """A Listener: its chains and their connection managers get the filters that apply, in the order given."""
    default = part.default_filter_chain
    every = part.filter_chains if default is None else (*part.filter_chains, default)
    found = [_applicable(each, part.side, filters) for each in every]
    bodies = [_filter_chain(each, *applicable) for each, applicable in zip(every, found, strict=True)]
    tail = field(25, bodies.pop()) if default is not None else b""
    chains = b"".join(field(3, body) for body in bodies)
    sources = tuple(each.sources for each in every)
    secrets = dict.fromkeys(name for each in every for name in each.secrets)
    references = (*(Reference(ROUTE, name) for name in part.routes), *(Reference(SECRET, name) for name in secrets))
    origins = (*part.origins, *_origins(found))
    return Resource.of(LISTENER, part.name, part.body + chains + tail, references, origins, parts=sources)


def _applicable(
    part: FilterChainPart, of_listener: Side | None, filters: Iterable[FilterPart]
) -> tuple[list[NetworkFilterPart], list[HttpFilterPart]]:
    """The filters of a chain, and of its connection manager if it has one. of_listener: if the chain says no side."""
    http = part.http
    side = http.side if http is not None else part.side or of_listener
    network: list[NetworkFilterPart] = []
    of_requests: list[HttpFilterPart] = []
    for each in filters:
        if isinstance(each, NetworkFilterPart):
            if side is not None and each.applies_to(part, side):
                network.append(each)
        elif http is not None and each.applies_to(http):
            of_requests.append(each)
    return network, of_requests


def _origins(found: Iterable[tuple[list[NetworkFilterPart], list[HttpFilterPart]]]) -> Iterable[ObjectKey]:
    """The objects behind the filters of all chains, each once."""
    every = dict.fromkeys(origins for network, of_requests in found for origins in _of_each(network, of_requests))
    return dict.fromkeys(chain.from_iterable(every))


def _of_each(*groups: Iterable[FilterPart]) -> Iterable[tuple[ObjectKey, ...]]:
    return (part.origins for group in groups for part in group)


def _filter_chain(
    part: FilterChainPart, network: Iterable[NetworkFilterPart], of_requests: Iterable[HttpFilterPart]
) -> bytes:
    body = b"".join(field(3, each.body) for each in network) + part.body
    return body if part.http is None else body + field(3, _connection_manager(part.http, of_requests))


def _connection_manager(http: HttpConnection, filters: Iterable[HttpFilterPart]) -> bytes:
    applicable = b"".join(field(5, part.body) for part in filters)
    config = any_of(HCM_TYPE_URL, http.body + applicable)
    return field(1, HTTP_CONNECTION_MANAGER.encode()) + field(4, config)
