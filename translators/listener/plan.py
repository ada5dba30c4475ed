"""Which outbound listeners a captured sidecar has: HTTP shares one for each port, TCP is told apart by address.

HTTP and TCP of services without an address meet on one port; there the protocol is found out connection by connection.
A headless service has no address, but its pods have: TCP to it has a listener for each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from translators.listener.address import EVERY_ADDRESS, is_ip, is_unix_socket
from translators.listener.sniffing import SERVER_FIRST
from translators.names import outbound_route
from translators.route.outbound import carries_http, has_own_address, is_sniffed_alone
from xds.model.services import Protocol, Service, ServiceEndpoints, ServiceKey, ServicePort
from xds.model.view import VisibleService
from xds.pipeline.memo import Memo


@dataclass(frozen=True, slots=True, eq=False)
class Planned:
    """One listener. route: the RouteConfiguration for HTTP, or empty. tcp: who gets what is not HTTP, in order."""

    address: str
    number: int
    route: str
    tcp: tuple[tuple[VisibleService, ServicePort], ...]


@dataclass(slots=True)
class _Draft:
    route: str = ""
    tcp: list[tuple[VisibleService, ServicePort]] = field(default_factory=list)


def plan_listeners(services: tuple[VisibleService, ...]) -> tuple[Planned, ...]:
    """The listeners for everything that ``services`` serve, ordered by port."""
    drafts: dict[tuple[int, str], _Draft] = {}
    for visible in services:
        for port in visible.service.ports:
            for address in _addresses(visible.service, port):
                _join(drafts.setdefault((port.number, address), _Draft()), visible, port)
    return tuple(_planned(number, address, drafts[number, address]) for number, address in sorted(drafts))


def plan_listener(services: Iterable[VisibleService], address: str, number: int, protocol: Protocol) -> Planned:
    """The one listener that a Sidecar declares: whatever ``services`` serve on that port.

    A Unix socket has no port: requests on it say which they mean, and connections are for the first there is.
    """
    by_socket = is_unix_socket(address)
    route = address if by_socket else outbound_route(number)
    draft = _Draft(route=route if carries_http(protocol) else "")
    if not protocol.is_http:
        pairs = ((visible, port) for visible in services for port in visible.service.ports)
        draft.tcp = [pair for pair in pairs if _serves(pair[1], None if by_socket else number)]
    return _planned(number, address, draft)


def _serves(port: ServicePort, number: int | None) -> bool:
    return number in (None, port.number) and port.protocol is not Protocol.UDP and not port.protocol.is_http


def plan_pods(
    services: tuple[VisibleService, ...], endpoints: Mapping[ServiceKey, ServiceEndpoints], memo: Memo
) -> Iterator[Planned]:
    """The listeners for TCP to the pods of headless services."""
    for visible, port in memo(_ports_by_pod, services):
        found = endpoints.get(visible.service.key)
        if found is not None:
            yield from memo(_pods, visible, port, found)


def _ports_by_pod(services: tuple[VisibleService, ...]) -> tuple[tuple[VisibleService, ServicePort], ...]:
    pairs = ((visible, port) for visible in services for port in visible.service.ports)
    return tuple((visible, port) for visible, port in pairs if _is_by_pod(visible.service, port))


def _is_by_pod(service: Service, port: ServicePort) -> bool:
    return service.headless and port.protocol.is_tcp


def _pods(visible: VisibleService, port: ServicePort, endpoints: ServiceEndpoints) -> tuple[Planned, ...]:
    pods = endpoints.by_port.get(port.number, ())
    addresses = dict.fromkeys(pod.address for pod in pods if is_ip(pod.address))
    return tuple(Planned(address, port.number, "", ((visible, port),)) for address in addresses)


def _addresses(service: Service, port: ServicePort) -> Iterator[str]:
    """Where a listener for the port has to be, as far as the service itself says."""
    if port.protocol is Protocol.UDP or _is_by_pod(service, port):
        return
    if port.protocol.is_http or not has_own_address(service):
        yield EVERY_ADDRESS
    else:
        yield from (address for address in service.addresses if "/" not in address)


def _join(draft: _Draft, visible: VisibleService, port: ServicePort) -> None:
    if carries_http(port.protocol) and not draft.route:
        hostname = visible.service.hostname if is_sniffed_alone(visible.service, port) else ""
        draft.route = outbound_route(port.number, hostname)
    if not port.protocol.is_http:
        draft.tcp.append((visible, port))


def _planned(number: int, address: str, draft: _Draft) -> Planned:
    """Where HTTP is expected everyone waits for the client's first bytes, which a server-first protocol cannot bear."""
    tcp = (member for member in draft.tcp if not draft.route or member[1].protocol not in SERVER_FIRST)
    return Planned(address, number, draft.route, tuple(tcp))
