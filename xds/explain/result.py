"""What a request meets, step by step: the answer of this package."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from xds.explain.header_changes import HeaderChange
from xds.model.objects import ObjectKey
from xds.resources import PatchedBy, Source


def objects(origins: Iterable[ObjectKey]) -> tuple[Source, ...]:
    """Whole objects, each once."""
    return tuple(Source(key) for key in dict.fromkeys(origins))


@dataclass(frozen=True, slots=True)
class Policy:
    """Something that is done with the traffic on the way. name: in the words of Envoy's configuration. sources: the
    objects behind it, where these are others than those of the route or cluster that has it."""

    name: str
    text: str
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Spoken:
    """How an endpoint is spoken to. server_name, protocols: what is said in the handshake of TLS (SNI, ALPN). shows:
    whether the proxy shows a certificate of its own."""

    tls: bool = False
    server_name: str = ""
    protocols: tuple[str, ...] = ()
    shows: bool = False


PLAIN_TEXT: Final = Spoken()


@dataclass(frozen=True, slots=True)
class EndpointShare:
    """One endpoint of a cluster. address: ``ip:port``, or what there is. share: 0 to 1, of the cluster's traffic.

    remark: what is special about it: its health, its priority.
    """

    address: str
    share: float
    remark: str = ""
    spoken: Spoken = PLAIN_TEXT


@dataclass(frozen=True, slots=True)
class ClusterStep:
    """Where traffic is sent to. kind: how its endpoints are found, such as EDS. share: 0 to 1, of the route's."""

    name: str
    kind: str
    endpoints: tuple[EndpointShare, ...]
    policies: tuple[Policy, ...]
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Forwarded:
    """The request goes on. share: 0 to 1, of all such requests that no condition stops. authority: empty if it is that
    of the endpoint. request_headers: as they go out, so far as the client, the filters and the routes set them.
    claims: of the token that goes with it."""

    share: float
    cluster: ClusterStep
    path: str = ""
    authority: str = ""
    request_headers: tuple[tuple[str, str], ...] = ()
    claims: Mapping[str, object] | None = None
    response_changes: tuple[HeaderChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """The proxy answers itself. reason: why. location: of a redirect. share: as in `Forwarded`.

    condition: what nobody here can know that has to be so for it; what there is beside it holds if it is not so.
    """

    share: float
    status: int
    reason: str
    location: str = ""
    body: str = ""
    response_changes: tuple[HeaderChange, ...] = ()
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """The connection is closed without an answer. reason: why. condition: as in `Answered`."""

    share: float
    reason: str
    condition: str = ""


Outcome = Forwarded | Answered | Ended


@dataclass(frozen=True, slots=True)
class ListenerStep:
    """The listener that the connection is accepted by. reason: why this one."""

    name: str
    address: str
    reason: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class ChainStep:
    """The filter chain. match: its conditions in words. filters: their names, of the network, then of HTTP.

    patched: what in it was put there, or changed, by EnvoyFilters.
    """

    name: str
    match: str
    filters: tuple[str, ...]
    sources: tuple[Source, ...]
    patched: tuple[PatchedBy, ...] = ()


@dataclass(frozen=True, slots=True)
class HostStep:
    """The virtual host. domain: by which it was found. table: the RouteConfiguration's name. patched: as of a chain."""

    table: str
    name: str
    domain: str
    sources: tuple[Source, ...]
    patched: tuple[PatchedBy, ...] = ()


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A route that comes earlier, and why the request does not take it."""

    route: str
    reason: str


@dataclass(frozen=True, slots=True)
class PassedPolicy:
    """A policy that was looked at and does not apply: the first of its conditions that is not met."""

    policy: str
    reason: str


@dataclass(frozen=True, slots=True)
class Check:
    """What a filter that may refuse a connection, or a request, says of it. filter: its name. text: its decision.

    policy: the one that decides, in Envoy's words, or the issuer of the token that does; empty if none does.
    passed_over: those that do not apply. sources: the objects behind the filter's configuration, if it has one of its
    own.
    """

    filter: str
    text: str
    policy: str = ""
    passed_over: tuple[PassedPolicy, ...] = ()
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class RouteStep:
    """A route that requests take. share: 0 to 1, of such requests. match: its conditions in words. checks: what the
    filters on the way to it decide, as far as requests get."""

    name: str
    share: float
    match: str
    passed_over: tuple[PassedOver, ...]
    policies: tuple[Policy, ...]
    outcomes: tuple[Outcome, ...]
    sources: tuple[Source, ...]
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that the request meets, as far as it gets.

    checks: what filters decide about the connection, and about requests for which there is no route. routes: more than
    one only where chance decides. outcomes: all that can become of it; the shares of those without a condition add
    up to 1.
    """

    outcomes: tuple[Outcome, ...]
    listener: ListenerStep | None = None
    chain: ChainStep | None = None
    host: HostStep | None = None
    checks: tuple[Check, ...] = ()
    routes: tuple[RouteStep, ...] = ()
