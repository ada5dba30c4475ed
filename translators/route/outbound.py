"""Which virtual hosts a sidecar's outbound RouteConfigurations have, before VirtualServices are considered.

Depends on the services alone, so that a changed VirtualService finds all of this ready.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from translators.names import outbound_route
from translators.route.client import interned
from translators.route.domains import service_domains, with_port
from xds.model.services import Protocol, Service, ServicePort
from xds.model.view import VisibleService
from xds.pipeline.memo import Memo

_GROUP = 32
"""With 1,000 virtual hosts, a change of one costs about as much as 32 of them and 32 groups: the least there is."""


@dataclass(frozen=True, slots=True, eq=False)
class PortHost:
    """A virtual host to be: one HTTP port of a service, under the names that no earlier one has taken."""

    visible: VisibleService
    port: int
    domains: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class RouteTable:
    """One RouteConfiguration.

    groups: its hosts, in groups that are looked up together. taken: every domain of its hosts. alone: whether it is
    for one service's own address. everywhere: whether some host of it can only be reached through a listener on every
    address. by_port: whether requests have to say which port they mean, as they do not dial it.
    """

    name: str
    port: int
    groups: tuple[tuple[PortHost, ...], ...]
    taken: frozenset[str]
    alone: bool = False
    everywhere: bool = True
    by_port: bool = False


def carries_http(protocol: Protocol) -> bool:
    """True if requests on a port of this protocol can be routed: it is HTTP, or may turn out to be."""
    return protocol.is_http or protocol is Protocol.UNSUPPORTED


def http_ports(service: Service) -> Iterator[ServicePort]:
    """The ports of ``service`` on which requests can be routed."""
    return (port for port in service.ports if carries_http(port.protocol))


def has_own_address(service: Service) -> bool:
    """True if a listener can tell connections to this service by their destination address."""
    return not service.headless and any("/" not in address for address in service.addresses)


def is_sniffed_alone(service: Service, port: ServicePort) -> bool:
    """True if the port's protocol is unknown and its service has an address: it has listeners to itself."""
    return port.protocol is Protocol.UNSUPPORTED and has_own_address(service)


def route_tables(services: tuple[VisibleService, ...], dns_domain: str, memo: Memo) -> Mapping[int, RouteTable]:
    """By port, what a listener for a port asks for: ``80``."""
    by_port: dict[int, list[PortHost]] = {}
    needed: set[int] = set()
    for visible in services:
        for port in http_ports(visible.service):
            domains = memo(service_domains, visible.service, dns_domain)
            by_port.setdefault(port.number, []).append(PortHost(visible, port.number, domains))
            if not is_sniffed_alone(visible.service, port):
                needed.add(port.number)
    return {
        port: _table(outbound_route(port), port, by_port[port], memo, everywhere=port in needed)
        for port in sorted(by_port)
    }


def empty_table(port: int) -> RouteTable:
    """For a listener that no service is for."""
    return RouteTable(outbound_route(port), port, (), frozenset())


def sniffed_tables(services: tuple[VisibleService, ...], memo: Memo) -> tuple[RouteTable, ...]:
    """``host:80`` for every service that is sniffed on its own address: whatever the request says, it is for it."""
    return tuple(
        memo(_sniffed_table, visible, port.number)
        for visible in services
        for port in visible.service.ports
        if is_sniffed_alone(visible.service, port)
    )


def _sniffed_table(visible: VisibleService, port: int) -> RouteTable:
    host = PortHost(visible, port, ("*",))
    return RouteTable(outbound_route(port, visible.service.hostname), port, ((host,),), frozenset("*"), alone=True)


def proxy_table(name: str, services: tuple[VisibleService, ...], dns_domain: str, memo: Memo) -> RouteTable:
    """What an explicit HTTP proxy, or a Unix socket, knows: every port of every service."""
    hosts = [
        PortHost(visible, port.number, with_port(memo(service_domains, visible.service, dns_domain), port.number))
        for visible in services
        for port in http_ports(visible.service)
    ]
    return _table(name, 80, hosts, memo, by_port=True)


def _table(
    name: str, port: int, hosts: Iterable[PortHost], memo: Memo, *, everywhere: bool = True, by_port: bool = False
) -> RouteTable:
    taken: set[str] = set()
    kept = tuple(_distinct(hosts, taken, memo))
    groups = tuple(kept[start : start + _GROUP] for start in range(0, len(kept), _GROUP))
    return RouteTable(name, port, groups, frozenset(taken), everywhere=everywhere, by_port=by_port)


def _distinct(hosts: Iterable[PortHost], taken: set[str], memo: Memo) -> Iterator[PortHost]:
    """Envoy refuses a RouteConfiguration with a domain twice: the first host keeps it."""
    for host in hosts:
        domains = memo(interned, *unclaimed(host.domains, taken))
        if domains:
            yield memo(PortHost, host.visible, host.port, domains)


def unclaimed(domains: Iterable[str], taken: set[str]) -> tuple[str, ...]:
    """Those that are not taken yet; takes them. Domains are compared as Envoy does, without regard to case."""
    free: list[str] = []
    for domain in domains:
        lower = domain.lower()
        if lower not in taken:
            taken.add(lower)
            free.append(domain)
    return tuple(free)
