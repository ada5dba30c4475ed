"""What the HTTP filters before the router do with a request, one after the other; some are told in words only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from envoy_data_plane.envoy.extensions.filters.http.cors.v3 import CorsPolicy
from envoy_data_plane.envoy.extensions.filters.http.fault.v3 import HttpFault
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpFilter,
)
from envoy_data_plane.google.protobuf import Any as AnyMessage

from xds.explain.access.ext_authz import http_ext_authz
from xds.explain.access.jwt_authn import jwt_authn
from xds.explain.access.rbac_filters import http_rbac
from xds.explain.decode import fields, unpacked
from xds.explain.filter_words import filter_words
from xds.explain.header_changes import HeaderChange
from xds.explain.mutations import header_mutation
from xds.explain.result import Answered, Check, Ended, Policy, objects
from xds.explain.route_filters import cors, fault
from xds.explain.step import Did, left_after
from xds.explain.stream import Stream
from xds.resources import ResourceSet, Source

_HTTP = "type.googleapis.com/envoy.extensions.filters.http."
CORS = f"{_HTTP}cors.v3.Cors"
FAULT = f"{_HTTP}fault.v3.HTTPFault"
_ROUTER = f"{_HTTP}router.v3.Router"
"""Its effect is that of the route."""
_TYPED_CONFIG = 2
"""The field of a ``TypedExtensionConfig``."""
_DECIDING: Final[Mapping[str, Callable[[str, AnyMessage | None, AnyMessage | None, Stream], Did]]] = {
    f"{_HTTP}ext_authz.v3.ExtAuthz": http_ext_authz,
    f"{_HTTP}header_mutation.v3.HeaderMutation": header_mutation,
    f"{_HTTP}jwt_authn.v3.JwtAuthentication": jwt_authn,
    f"{_HTTP}rbac.v3.RBAC": http_rbac,
}
"""Filters that may refuse a request, or change it before it is refused, by type."""
PerRoute = Sequence[Mapping[str, AnyMessage]]
"""``typed_per_filter_config`` of every level, the most specific first."""


@dataclass(frozen=True, slots=True)
class _Configured:
    """A filter. kind: the type of its configuration. own: that of the chain. route: that of the route."""

    name: str
    kind: str
    own: AnyMessage | None
    route: AnyMessage | None


@dataclass(frozen=True, slots=True)
class Filtered:
    """What the filters do. stream: the request as it gets to the route's action. answers: with the share of all
    requests that get one; the rest goes on."""

    stream: Stream
    answers: tuple[Answered | Ended, ...]
    policies: tuple[Policy, ...]
    checks: tuple[Check, ...]

    @property
    def rest(self) -> float:
        """0 to 1: the share of requests that get to the route's action."""
        return left_after(self.answers)


def filtered(
    manager: HttpConnectionManager,
    extensions: ResourceSet,
    per_route: PerRoute,
    stream: Stream,
    changes: tuple[HeaderChange, ...] | None,
) -> Filtered:
    """The filters in their order: what one has answered gets no further.

    extensions: what filters have that ask for their configuration by name. changes: what the route does to responses;
    None if it forwards nothing, which leaves CORS and these without effect. Raises UnsupportedError.
    """
    answers: list[Answered | Ended] = []
    policies: list[Policy] = []
    checks: list[Check] = []
    for each in manager.http_filters:
        left = left_after(answers)
        if not left:
            break
        route = next((level[each.name] for level in per_route if each.name in level), None)
        own, sources = _own_config(each, extensions)
        if own is None and each.config_discovery is not None:
            policies.append(Policy("extension", f"{each.name}: what it runs has to be fetched first"))
            continue
        kind = own.type_url if own is not None else each.name
        did = _filter(_Configured(each.name, kind, own, route), stream, changes)
        told = (Policy("extension", f"{each.name}: {kind.rpartition('.')[2]}", sources),) if sources else ()
        policies += (*told, *did.policies)
        checks += (replace(check, sources=sources) for check in did.checks)
        answers += (replace(answer, share=answer.share * left) for answer in did.ends)
        stream = did.stream
    return Filtered(stream, tuple(each for each in answers if each.share), tuple(policies), tuple(checks))


def rerouted(manager: HttpConnectionManager, extensions: ResourceSet, stream: Stream) -> Stream:
    """The request as the route is chosen for it in the end: as it is after the last filter that has it chosen anew."""
    found = stream
    for each in manager.http_filters:
        own, _ = _own_config(each, extensions)
        if own is None or own.type_url not in _DECIDING:
            continue
        did = _DECIDING[own.type_url](each.name, own, None, stream)
        if not left_after(did.ends):
            return found
        stream = did.stream
        found = stream if did.reroutes else found
    return found


def _own_config(of: HttpFilter, extensions: ResourceSet) -> tuple[AnyMessage | None, tuple[Source, ...]]:
    """What a filter has in the chain, and the objects behind it if it asks for that by name. None if that is not known
    here: a proxy waits for it."""
    if of.config_discovery is None:
        return of.typed_config, ()
    resource = extensions.get(of.name)
    config = next(fields(resource.body, _TYPED_CONFIG), None) if resource is not None else None
    if resource is None or config is None:
        return None, ()
    return AnyMessage.parse(config), objects(resource.origins)


def _filter(of: _Configured, stream: Stream, changes: tuple[HeaderChange, ...] | None) -> Did:
    if of.kind in _DECIDING:
        return _DECIDING[of.kind](of.name, of.own, of.route, stream)
    request, config = stream.request, of.route or of.own
    if request is None or of.kind == _ROUTER:
        return Did(stream)
    if of.kind == CORS:
        policy = unpacked(config, CorsPolicy)
        return cors(policy, request, stream) if policy is not None and changes is not None else Did(stream)
    if of.kind == FAULT:
        injected = unpacked(config, HttpFault)
        return fault(injected, request, stream, changes or ()) if injected is not None else Did(stream)
    return Did(stream, policies=(Policy("filter", filter_words(of.kind, request)),))
