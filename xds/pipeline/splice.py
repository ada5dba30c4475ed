"""Parts to whole resources, spliced out of encoded bytes.

Field numbers are Envoy's: RouteConfiguration.virtual_hosts 2, VirtualHost.routes 3, Route.typed_per_filter_config 13,
Listener.filter_chains 3 and default_filter_chain 25, FilterChain.filters 3, HttpConnectionManager.http_filters 5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import Final

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
from xds.resources.names import canonical
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
    """A Listener: its chains and their connection managers get the filters that apply, in the order given. Its version
    is that of the same listener with marks in the places of its filters."""
    every = (
        part.filter_chains if part.default_filter_chain is None else (*part.filter_chains, part.default_filter_chain)
    )
    found = [_applicable(each, part.side, filters) for each in every]
    body = _listener(part, found, _BODY)
    marked = _listener(part, found, _MARK) if any(each.mark is not each.body for each in filters) else body
    secrets = dict.fromkeys(name for each in every for name in each.secrets)
    return Resource(
        LISTENER,
        canonical(part.name),
        body,
        content_version(marked),
        (*(Reference(ROUTE, name) for name in part.routes), *(Reference(SECRET, name) for name in secrets)),
        (*part.origins, *_origins(found)),
        parts=tuple(each.sources for each in every),
    )


_Written = Callable[[FilterPart], bytes]
_BODY: Final[_Written] = attrgetter("body")
_MARK: Final[_Written] = attrgetter("mark")
_Applicable = tuple[list[NetworkFilterPart], list[HttpFilterPart]]


def _listener(part: ListenerPart, found: list[_Applicable], written: _Written) -> bytes:
    """written: what is written of each filter. found: the filters of each chain, those of the default one last."""
    chains = (
        field(3, _filter_chain(each, *applicable, written))
        for each, applicable in zip(part.filter_chains, found, strict=False)
    )
    default = part.default_filter_chain
    tail = field(25, _filter_chain(default, *found[-1], written)) if default is not None else b""
    return b"".join((part.body, *chains, tail))


def _applicable(part: FilterChainPart, of_listener: Side | None, filters: Iterable[FilterPart]) -> _Applicable:
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


def _origins(found: Iterable[_Applicable]) -> Iterable[ObjectKey]:
    """The objects behind the filters of all chains, each once."""
    parts = (part for lists in found for group in lists for part in group)
    every = {id(part.origins): part.origins for part in parts}
    return dict.fromkeys(chain.from_iterable(every.values()))


def _filter_chain(
    part: FilterChainPart,
    network: Iterable[NetworkFilterPart],
    of_requests: Iterable[HttpFilterPart],
    written: _Written,
) -> bytes:
    body = b"".join((*(field(3, written(each)) for each in network), part.body))
    return body if part.http is None else body + field(3, _connection_manager(part.http, of_requests, written))


def _connection_manager(http: HttpConnection, filters: Iterable[HttpFilterPart], written: _Written) -> bytes:
    applicable = b"".join(field(5, written(part)) for part in filters)
    config = any_of(HCM_TYPE_URL, http.body + applicable)
    return field(1, HTTP_CONNECTION_MANAGER.encode()) + field(4, config)
