"""Which listener accepts a connection, and what its inspectors find out about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from itertools import chain

from betterproto2 import Message
from envoy_data_plane.envoy.config.core.v3 import SocketAddressProtocol, TrafficDirection
from envoy_data_plane.envoy.config.listener.v3 import Listener, ListenerFilter, ListenerFilterChainMatchPredicate
from envoy_data_plane.envoy.extensions.filters.listener.http_inspector.v3 import HttpInspector
from envoy_data_plane.envoy.extensions.filters.listener.original_dst.v3 import OriginalDst
from envoy_data_plane.envoy.extensions.filters.listener.tls_inspector.v3 import TlsInspector

from xds.explain.decode import parse, without
from xds.explain.request import PLAIN, TLS, Connection
from xds.resources import Resource
from xds.wire.registry import type_url

_CHAINS, _DEFAULT_CHAIN = 3, 25
_UNIX = "unix://"


class UndecidedError(Exception):
    """Without an address there are several listeners for a port. names: of these."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(", ".join(names))
        self.names = tuple(names)


@dataclass(frozen=True, slots=True)
class Bound:
    """A listener and where it listens."""

    resource: Resource
    header: Listener
    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.resource.name} ({self.place})"

    @property
    def place(self) -> str:
        """Where it listens, in words."""
        return self.address if is_socket(self.address) else f"{self.address}:{self.port}"

    @property
    def anywhere(self) -> bool:
        """True if it listens on every address."""
        return not is_socket(self.address) and ip_address(self.address).is_unspecified


def is_socket(address: str) -> bool:
    """True for a Unix socket, ``unix:///path`` or ``unix://@name``, which has no port."""
    return address.startswith(_UNIX)


def bound_listeners(resources: Iterable[Resource]) -> tuple[Bound, ...]:
    """All that take TCP connections, each for every IP address or Unix socket that it has."""
    return tuple(chain.from_iterable(map(_bound, resources)))


def _bound(resource: Resource) -> Iterator[Bound]:
    header = parse(Listener, without(resource.body, _CHAINS, _DEFAULT_CHAIN))
    for address in (header.address, *(each.address for each in header.additional_addresses)):
        if address is not None and address.pipe is not None:
            yield Bound(resource, header, _UNIX + address.pipe.path, 0)
        socket = address.socket_address if address is not None else None
        if socket is not None and socket.protocol is not SocketAddressProtocol.UDP:
            yield Bound(resource, header, socket.address, socket.port_value or 0)


def captured(listeners: Sequence[Bound], connection: Connection) -> tuple[Bound, str] | None:
    """The listener for a redirected connection, and why: the one for its destination, or else the one that all
    redirected connections arrive at. None if the proxy captures nothing."""
    entry = next((bound for bound in listeners if bound.header.use_original_dst), None)
    if entry is None:
        return None
    return _for_address(listeners, connection) or (entry, f"no listener is for {_dialled(connection)}")


def arriving(listeners: Sequence[Bound], connection: Connection) -> tuple[Bound, str] | None:
    """The listener for a connection that comes to the proxy's workload from elsewhere, and why: the one that all of
    them are redirected to, or else the one that is dialled. None if nothing listens there."""
    inbound = (bound for bound in listeners if bound.header.traffic_direction == TrafficDirection.INBOUND)
    entry = next((bound for bound in inbound if _has(bound.header, OriginalDst, connection.port)), None)
    return (entry, "all that comes is redirected to it") if entry is not None else dialled(listeners, connection)


def dialled(listeners: Sequence[Bound], connection: Connection) -> tuple[Bound, str] | None:
    """The listener that a client reaches by its own address, and why; None if the port is closed.

    Raises UndecidedError if the address is not known and it matters.
    """
    open_ = [bound for bound in listeners if bound.header.bind_to_port is not False]
    if connection.address:
        return _for_address(open_, connection)
    here: dict[str, Bound] = {}
    for bound in open_:
        if bound.port == connection.port:
            here.setdefault(bound.resource.name, bound)
    if len(here) > 1:
        raise UndecidedError([str(bound) for bound in here.values()])
    return next(((bound, f"it listens on port {connection.port}") for bound in here.values()), None)


def _for_address(listeners: Sequence[Bound], connection: Connection) -> tuple[Bound, str] | None:
    number = 0 if is_socket(connection.address) else connection.port
    here = [bound for bound in listeners if bound.port == number]
    exact = [bound for bound in here if _same_address(bound.address, connection.address)]
    if exact:
        return exact[0], f"it is for {_dialled(connection)}"
    anywhere = [bound for bound in here if bound.anywhere and _same_family(bound.address, connection.address)]
    return (anywhere[0], f"it is for port {connection.port} of every address") if anywhere else None


def _same_address(one: str, other: str) -> bool:
    if is_socket(one) or is_socket(other):
        return one == other
    return bool(other) and ip_address(one) == ip_address(other)


def _same_family(one: str, other: str) -> bool:
    """An address that is not known is taken for IPv4."""
    if is_socket(other):
        return False
    return ip_address(one).version == (ip_address(other).version if other else 4)


def _dialled(connection: Connection) -> str:
    address = connection.address or "the address"
    return address if is_socket(address) else f"{address}:{connection.port}"


def inspected(listener: Listener, connection: Connection) -> Connection:
    """The connection as the listener's filter chains are matched with it: what no inspector sees is not known, and a
    Unix socket is no address."""
    sees_tls = _has(listener, TlsInspector, connection.port)
    sees_http = _has(listener, HttpInspector, connection.port)
    encrypted = connection.transport == TLS
    return replace(
        connection,
        address="" if is_socket(connection.address) else connection.address,
        transport=TLS if encrypted and sees_tls else PLAIN,
        server_name=connection.server_name.lower() if sees_tls else "",
        protocols=connection.protocols if (sees_tls if encrypted else sees_http) else (),
    )


def _has(listener: Listener, inspector: type[Message], port: int) -> bool:
    return any(
        each.typed_config is not None
        and each.typed_config.type_url == type_url(inspector)
        and not _is_disabled(each, port)
        for each in listener.listener_filters
    )


def _is_disabled(listener_filter: ListenerFilter, port: int) -> bool:
    predicate = listener_filter.filter_disabled
    return predicate is not None and _holds(predicate, port)


def _holds(predicate: ListenerFilterChainMatchPredicate, port: int) -> bool:
    if predicate.or_match is not None:
        return any(_holds(rule, port) for rule in predicate.or_match.rules)
    if predicate.and_match is not None:
        return all(_holds(rule, port) for rule in predicate.and_match.rules)
    if predicate.not_match is not None:
        return not _holds(predicate.not_match, port)
    ports = predicate.destination_port_range
    return bool(predicate.any_match) or (ports is not None and ports.start <= port < ports.end)
