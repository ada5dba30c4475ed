"""VirtualService: how requests and connections are matched, changed and routed.

Names are Istio's. A host in here is fully qualified already; short names are resolved by the parser.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import NamedTuple

from xds.model.claims import ClaimPath
from xds.model.labels import EMPTY_LABELS, Labels
from xds.model.objects import ObjectKey, ObjectMeta, Origin

MESH_GATEWAY = "mesh"
"""The reserved gateway name that stands for every sidecar."""


class MatchKind(Enum):
    """The alternatives of Istio ``StringMatch``. PRESENT is an empty match, or the regex ``*``."""

    EXACT = "exact"
    PREFIX = "prefix"
    REGEX = "regex"
    PRESENT = "present"


@dataclass(frozen=True, slots=True)
class StringMatch:
    """Istio ``StringMatch``; a regex is RE2 and matches the whole value."""

    kind: MatchKind
    value: str = ""


@dataclass(frozen=True, slots=True)
class Destination:
    """A service, optionally a subset of it and one of its ports (Istio ``Destination``). port None: the only port."""

    host: str
    subset: str = ""
    port: int | None = None


@dataclass(frozen=True, slots=True)
class HeaderOperations:
    """Istio ``Headers.HeaderOperations``: set overwrites, add appends."""

    set: Mapping[str, str]
    add: Mapping[str, str]
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Headers:
    """Header changes on the way to the destination and on the way back (Istio ``Headers``)."""

    request: HeaderOperations | None = None
    response: HeaderOperations | None = None


@dataclass(frozen=True, slots=True)
class HTTPMatchRequest:
    """Istio ``HTTPMatchRequest``: all conditions of one match hold together.

    gateways is resolved: the match's own list, or else the VirtualService's; names are ``namespace/name`` or
    ``mesh``. A header name is lower case. claims, without_claims: of the verified token of a request. index:
    its position in the rule as it is written; None if it is written in another rule, which left this one to a delegate.
    """

    name: str = ""
    uri: StringMatch | None = None
    ignore_uri_case: bool = False
    scheme: StringMatch | None = None
    method: StringMatch | None = None
    authority: StringMatch | None = None
    headers: Mapping[str, StringMatch] | None = None
    without_headers: Mapping[str, StringMatch] | None = None
    claims: Mapping[ClaimPath, StringMatch] | None = None
    without_claims: Mapping[ClaimPath, StringMatch] | None = None
    query_params: Mapping[str, StringMatch] | None = None
    port: int | None = None
    source_labels: Labels = EMPTY_LABELS
    source_namespace: str = ""
    gateways: tuple[str, ...] = (MESH_GATEWAY,)
    stat_prefix: str = ""
    index: int | None = 0

    @property
    def asks_for_claims(self) -> bool:
        """Whether it depends on the token of a request."""
        return bool(self.claims or self.without_claims)


@dataclass(frozen=True, slots=True)
class HTTPRouteDestination:
    """One weighted target (Istio ``HTTPRouteDestination``)."""

    destination: Destination
    weight: int = 0
    headers: Headers | None = None


@dataclass(frozen=True, slots=True)
class HTTPRewrite:
    """Istio ``HTTPRewrite``. uri replaces the matched prefix or path; uri_regex is (match, rewrite)."""

    uri: str = ""
    authority: str = ""
    uri_regex: tuple[str, str] | None = None


class RedirectPort(Enum):
    """Istio ``HTTPRedirect.RedirectPortSelection``."""

    FROM_PROTOCOL_DEFAULT = "FROM_PROTOCOL_DEFAULT"
    FROM_REQUEST_PORT = "FROM_REQUEST_PORT"


@dataclass(frozen=True, slots=True)
class HTTPRedirect:
    """Istio ``HTTPRedirect``. prefix_rewrite and uri exclude each other; code is 301, 302, 303, 307 or 308."""

    uri: str = ""
    prefix_rewrite: str = ""
    authority: str = ""
    scheme: str = ""
    port: int | RedirectPort | None = None
    code: int = 301


@dataclass(frozen=True, slots=True)
class HTTPDirectResponse:
    """Istio ``HTTPDirectResponse``: answered by the proxy, status 200 to 599."""

    status: int
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class HTTPRetry:
    """Istio ``HTTPRetry``. attempts 0 disables retries; retry_on is Envoy's list, with numbers allowed."""

    attempts: int = 2
    per_try_timeout: timedelta | None = None
    retry_on: str = ""
    retry_remote_localities: bool = False
    retry_ignore_previous_hosts: bool = True
    backoff: timedelta | None = None


@dataclass(frozen=True, slots=True)
class FaultDelay:
    """A fixed delay before forwarding. percentage: 0 to 100, of the requests."""

    fixed_delay: timedelta
    percentage: float = 100.0


@dataclass(frozen=True, slots=True)
class FaultAbort:
    """An early error instead of forwarding: an HTTP status, or a gRPC status code. percentage: 0 to 100."""

    http_status: int | None = None
    grpc_status: int | None = None
    percentage: float = 100.0


@dataclass(frozen=True, slots=True)
class HTTPFaultInjection:
    """Istio ``HTTPFaultInjection``."""

    delay: FaultDelay | None = None
    abort: FaultAbort | None = None


@dataclass(frozen=True, slots=True)
class CorsPolicy:
    """Istio ``CorsPolicy``. forward_unmatched_preflights: None leaves it to Envoy, which forwards them."""

    allow_origins: tuple[StringMatch, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age: timedelta | None = None
    allow_credentials: bool | None = None
    forward_unmatched_preflights: bool | None = None


@dataclass(frozen=True, slots=True)
class HTTPMirrorPolicy:
    """A copy of the traffic (Istio ``HTTPMirrorPolicy``). percentage: 0 to 100."""

    destination: Destination
    percentage: float = 100.0


class RulePlace(NamedTuple):
    """Where a rule is written: in which VirtualService, and at which position."""

    object: ObjectKey
    rule: int


@dataclass(frozen=True, slots=True)
class HTTPRoute:
    """One rule of a VirtualService (Istio ``HTTPRoute``): any of ``match`` (or always, if empty), first rule wins.

    index: its position in the object, so that ``(object, index)`` names it; in an object with delegates, its position
    after they were merged. origin: the line where it starts. delegate: the VirtualService whose rules stand for this
    one; nothing in the Mesh has any, as the fold puts those rules in its place. written: where it is written, in an
    object with delegates.
    """

    index: int
    origin: Origin
    name: str = ""
    match: tuple[HTTPMatchRequest, ...] = ()
    route: tuple[HTTPRouteDestination, ...] = ()
    redirect: HTTPRedirect | None = None
    direct_response: HTTPDirectResponse | None = None
    rewrite: HTTPRewrite | None = None
    timeout: timedelta | None = None
    retries: HTTPRetry | None = None
    fault: HTTPFaultInjection | None = None
    mirrors: tuple[HTTPMirrorPolicy, ...] = ()
    cors_policy: CorsPolicy | None = None
    headers: Headers | None = None
    delegate: ObjectKey | None = None
    written: RulePlace | None = None


@dataclass(frozen=True, slots=True)
class L4MatchAttributes:
    """Istio ``L4MatchAttributes`` and, with ``sni_hosts``, ``TLSMatchAttributes``. gateways is resolved.

    source_subnet: of the client, empty for any.
    """

    destination_subnets: tuple[str, ...] = ()
    port: int | None = None
    source_labels: Labels = EMPTY_LABELS
    source_namespace: str = ""
    gateways: tuple[str, ...] = (MESH_GATEWAY,)
    sni_hosts: tuple[str, ...] = ()
    source_subnet: str = ""


@dataclass(frozen=True, slots=True)
class RouteDestination:
    """Istio ``RouteDestination``: a weighted target of a connection."""

    destination: Destination
    weight: int = 0


@dataclass(frozen=True, slots=True)
class L4Route:
    """Istio ``TCPRoute`` and ``TLSRoute``."""

    index: int
    origin: Origin
    match: tuple[L4MatchAttributes, ...] = ()
    route: tuple[RouteDestination, ...] = ()


@dataclass(frozen=True, slots=True)
class VirtualService:
    """Istio ``VirtualService``. gateways: ``namespace/name`` or ``mesh``, never empty. delegates: those merged in."""

    meta: ObjectMeta
    hosts: tuple[str, ...]
    gateways: tuple[str, ...] = (MESH_GATEWAY,)
    http: tuple[HTTPRoute, ...] = ()
    tls: tuple[L4Route, ...] = ()
    tcp: tuple[L4Route, ...] = ()
    export_to: tuple[str, ...] = ("*",)
    delegates: tuple[ObjectKey, ...] = ()

    def binds(self, gateway: str) -> bool:
        """True if any of its rules can be for clients that come through ``gateway``."""
        return gateway in self.gateways or gateway in self._gateways_of_matches

    @property
    def bound(self) -> set[str]:
        """Every gateway that it binds."""
        return self._gateways_of_matches.union(self.gateways)

    @property
    def _gateways_of_matches(self) -> set[str]:
        rules: tuple[HTTPRoute | L4Route, ...] = (*self.http, *self.tls, *self.tcp)
        return {gateway for rule in rules for match in rule.match for gateway in match.gateways}

    @property
    def origins(self) -> tuple[ObjectKey, ...]:
        """Every object that its rules are from."""
        return (self.meta.key, *self.delegates)
