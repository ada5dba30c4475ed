"""What translators return: values, in encoded form, that `assemble` folds into resources.

A resource that several translators have a share in is contributed in parts. A part is the protobuf bytes of its own
fields; the repeated fields that others may add to are left out, and since repeated fields concatenate, assembling is
splicing. Nothing here is ever changed after it was made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Final, NamedTuple

import betterproto2

from xds.model.objects import ObjectKey
from xds.resources import NO_SOURCES, PartSources, Resource, TypeUrl, content_version


class Direction(Enum):
    """On which side of a proxy an HTTP connection manager works."""

    OUTBOUND = "outbound"  # a sidecar, from its application
    INBOUND = "inbound"  # a sidecar, to its application
    GATEWAY = "gateway"


class Phase(IntEnum):
    """Where in the chain an HTTP filter stands; within a phase the order of the translators decides."""

    CORS = 100  # before authentication: a preflight request has no credentials
    CUSTOM_AUTHORIZATION = 200
    BEFORE_AUTHENTICATION = 250  # this and the next two are where users' extensions ask to stand
    AUTHENTICATION = 300
    BEFORE_AUTHORIZATION = 350
    AUTHORIZATION = 400
    AFTER_AUTHORIZATION = 450
    RATE_LIMIT = 500
    EXTENSION = 600
    TELEMETRY = 700
    FAULT = 800
    UPSTREAM = 900  # prepares the connection to the upstream
    ROUTER = 1000  # always the last


class RouteRef(NamedTuple):
    """Names one HTTPRoute of one VirtualService."""

    object: ObjectKey
    rule: int


@dataclass(frozen=True, slots=True, eq=False)
class Resources:
    """Complete resources of any type. A name that two translators claim is an error of the later one.

    type_url: the type of all of them, or None if they are of several. by_name: of several with one name the last.
    """

    resources: tuple[Resource, ...]
    type_url: TypeUrl | None = field(init=False)
    by_name: Mapping[str, Resource] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        types = {resource.type_url for resource in self.resources}
        object.__setattr__(self, "type_url", types.pop() if len(types) == 1 else None)
        object.__setattr__(self, "by_name", {resource.name: resource for resource in self.resources})


@dataclass(frozen=True, slots=True, eq=False)
class RoutePart:
    """One Envoy ``Route``. body: without ``typed_per_filter_config``. source: the rule it comes from, if any; match:
    which of the rule's matches, if it has any; written: where the rule is written, if that is not where it stands."""

    body: bytes
    source: RouteRef | None = None
    match: int | None = None
    written: RouteRef | None = None


@dataclass(frozen=True, slots=True, eq=False)
class VirtualHostPart:
    """One Envoy ``VirtualHost``. header: without ``routes``. origins: the objects behind it."""

    name: str
    header: bytes
    routes: tuple[RoutePart, ...]
    origins: tuple[ObjectKey, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class VirtualHosts:
    """One Envoy ``RouteConfiguration``.

    header: without ``virtual_hosts``. groups: these, in groups that are looked up, and spliced, together: with many
    virtual hosts, those of a group that is the same tuple as before cost nothing.
    """

    route_config: str
    header: bytes
    groups: tuple[tuple[VirtualHostPart, ...], ...]


@dataclass(frozen=True, slots=True, eq=False)
class RouteOverride:
    """Configuration of one HTTP filter for the routes made from one rule (Envoy ``Route.typed_per_filter_config``).

    config: an encoded ``google.protobuf.Any``.
    """

    source: RouteRef
    filter_name: str
    config: bytes


class Side(NamedTuple):
    """Which connections something is for. port: of the gateway, outbound of the service, inbound of the workload."""

    direction: Direction
    port: int


@dataclass(frozen=True, slots=True, eq=False)
class HttpConnection:
    """The ``HttpConnectionManager`` of a filter chain.

    body: without ``http_filters``. port: of the gateway, outbound of the service, inbound of the workload itself. mtls:
    whether the peer is authenticated.
    """

    body: bytes
    direction: Direction
    port: int
    mtls: bool = False

    @property
    def side(self) -> Side:
        """The connections that it is for."""
        return Side(self.direction, self.port)


@dataclass(frozen=True, slots=True, eq=False)
class FilterChainPart:
    """One Envoy ``FilterChain``. body: with its network filters, except the connection manager, which comes last.
    sources: where it comes from, as far as that is any object. secrets: what its TLS asks for, by name. side: of
    connections that are not HTTP, if the listener does not say it."""

    body: bytes
    http: HttpConnection | None = None
    sources: PartSources = NO_SOURCES
    secrets: tuple[str, ...] = ()
    side: Side | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ListenerPart:
    """One Envoy ``Listener``. body: without filter chains. routes: names of the RouteConfigurations it asks for. side:
    of connections that are not HTTP; None if no extension is for them. on_ipv6: encoded fields by which it is bound to
    every address of IPv6 too, for proxies that have any; empty if it is bound to one address."""

    name: str
    body: bytes
    filter_chains: tuple[FilterChainPart, ...]
    default_filter_chain: FilterChainPart | None = None
    routes: tuple[str, ...] = ()
    origins: tuple[ObjectKey, ...] = ()
    side: Side | None = None
    on_ipv6: bytes = b""


_LARGE: Final = 4096


def mark_of(body: bytes) -> bytes:
    """What stands for the body of a filter where all that counts is whether it is the same: of a large one its hash, as
    a listener has it in every chain, and would be hashed as often."""
    return body if len(body) < _LARGE else content_version(body).encode()


@dataclass(frozen=True, slots=True, eq=False)
class HttpFilterPart:
    """An HTTP filter for every connection manager that it applies to.

    body: an encoded ``HttpFilter``. ports: None for all. mtls: only where the peer is authenticated (True), only where
    it is not (False), or both (None). origins: the objects behind it. mark: see `mark_of`.
    """

    phase: Phase
    body: bytes
    directions: frozenset[Direction]
    ports: frozenset[int] | None = None
    mtls: bool | None = None
    origins: tuple[ObjectKey, ...] = ()
    mark: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "mark", mark_of(self.body))

    def applies_to(self, connection: HttpConnection) -> bool:
        """True if ``connection`` gets this filter."""
        return (
            connection.direction in self.directions
            and (self.ports is None or connection.port in self.ports)
            and (self.mtls is None or connection.mtls is self.mtls)
        )


@dataclass(frozen=True, slots=True, eq=False)
class NetworkFilterPart:
    """A network filter for every filter chain that it applies to, before what else is there.

    body: an encoded ``Filter``. ports: None for all. routed: whether it is for chains that route requests as well, and
    not only for those that forward connections. origins: the objects behind it. mark: see `mark_of`.
    """

    phase: Phase
    body: bytes
    directions: frozenset[Direction]
    ports: frozenset[int] | None = None
    routed: bool = True
    origins: tuple[ObjectKey, ...] = ()
    mark: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "mark", mark_of(self.body))

    def applies_to(self, chain: FilterChainPart, side: Side) -> bool:
        """True if ``chain`` gets this filter. side: the connections that it is for."""
        return (
            side.direction in self.directions
            and (self.ports is None or side.port in self.ports)
            and (self.routed or chain.http is None)
        )


FilterPart = HttpFilterPart | NetworkFilterPart


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """A change to finished output, made last.

    message: the class of what is patched: ``Cluster``, ``Listener``, ``RouteConfiguration``, ``ClusterLoadAssignment``
    or ``VirtualHost``. name: of the resource, or of the virtual host; None for all. apply: returns the message to use
    instead, or the one it was given; must be pure.
    """

    message: type[betterproto2.Message]
    name: str | None
    apply: Callable[[betterproto2.Message], betterproto2.Message]


Contribution = Resources | VirtualHosts | RouteOverride | ListenerPart | FilterPart | Patch
