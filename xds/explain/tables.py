"""A RouteConfiguration in which one virtual host is looked for. Only that one is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from envoy_data_plane.envoy.config.route.v3 import RouteConfiguration, VirtualHost
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpConnectionManager

from xds.explain.decode import fields, parse, texts, without
from xds.explain.domains import find_host
from xds.explain.errors import UnsupportedError
from xds.resources import NO_SOURCES, ROUTE, PartSources, Snapshot
from xds.wire.encode import encode

_HOSTS, _DOMAINS = 2, 2
"""Field numbers of RouteConfiguration.virtual_hosts and VirtualHost.domains."""


@dataclass(frozen=True, slots=True)
class HostFound:
    """A virtual host, the domain by which it was found, and where it and its routes come from."""

    message: VirtualHost
    domain: str
    sources: PartSources


@dataclass(frozen=True, slots=True)
class Table:
    """header: without virtual hosts. hosts: encoded. parts: where they come from, if that is known."""

    header: RouteConfiguration
    hosts: tuple[bytes, ...]
    parts: tuple[PartSources, ...]

    @property
    def name(self) -> str:
        return self.header.name

    def find(self, authority: str) -> HostFound | None:
        """The virtual host for requests to ``authority``; None if there is none."""
        named = ((index, texts(host, _DOMAINS)) for index, host in enumerate(self.hosts))
        found = find_host(named, authority, ignore_port=self.header.ignore_port_in_host_matching)
        if found is None:
            return None
        known = len(self.parts) == len(self.hosts)
        sources = self.parts[found.host] if known else NO_SOURCES
        return HostFound(parse(VirtualHost, self.hosts[found.host]), found.domain, sources)


def route_table(snapshot: Snapshot, manager: HttpConnectionManager) -> Table | None:
    """The routes of a connection manager; None if it asks for some that the proxy does not have."""
    if manager.rds is not None:
        resource = snapshot[ROUTE].get(manager.rds.route_config_name)
        return _table(resource.body, resource.parts) if resource is not None else None
    if manager.route_config is None:
        raise UnsupportedError("a connection manager with scoped routes")
    return _table(encode(manager.route_config), ())


def _table(body: bytes, parts: tuple[PartSources, ...]) -> Table:
    header = parse(RouteConfiguration, without(body, _HOSTS))
    if header.vhost_header:
        raise UnsupportedError("virtual hosts that are found by a header")
    return Table(header, tuple(fields(body, _HOSTS)), parts)
