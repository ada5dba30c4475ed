"""What the HTTP filters before the router do with a request: CORS and fault injection; the others in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from envoy_data_plane.envoy.extensions.filters.http.cors.v3 import CorsPolicy
from envoy_data_plane.envoy.extensions.filters.http.fault.v3 import FaultAbort, HttpFault
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpFilter,
)
from envoy_data_plane.google.protobuf import Any as AnyMessage

from xds.explain import headers, strings
from xds.explain.decode import as_json, fields, in_words, unpacked
from xds.explain.filter_words import filter_words
from xds.explain.header_changes import HeaderChange
from xds.explain.request import Request
from xds.explain.result import Answered, Policy, objects
from xds.explain.route_match import fraction
from xds.resources import ResourceSet, Source

CORS = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors"
FAULT = "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault"
_ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
"""Its effect is that of the route."""
_TYPED_CONFIG = 2
"""The field of a ``TypedExtensionConfig``."""
PerRoute = Sequence[Mapping[str, AnyMessage]]
"""``typed_per_filter_config`` of every level, the most specific first."""


@dataclass(frozen=True, slots=True)
class Filtered:
    """What the filters do. answers: with the share of all requests that get one; the rest goes on."""

    answers: tuple[Answered, ...]
    policies: tuple[Policy, ...]

    @property
    def rest(self) -> float:
        """0 to 1: the share of requests that get to the route's action."""
        return max(0.0, 1.0 - sum(answer.share for answer in self.answers))


def filtered(
    manager: HttpConnectionManager,
    extensions: ResourceSet,
    per_route: PerRoute,
    request: Request,
    changes: tuple[HeaderChange, ...] | None,
) -> Filtered:
    """The filters in their order: what one has answered gets no further.

    extensions: what filters have that ask for their configuration by name. changes: what the route does to responses;
    None if it forwards nothing, which leaves CORS and these without effect.
    """
    answers: list[Answered] = []
    policies: list[Policy] = []
    for each in manager.http_filters:
        config = next((level[each.name] for level in per_route if each.name in level), None)
        own, sources = _own_config(each, extensions)
        if own is None and each.config_discovery is not None:
            policies.append(Policy("extension", f"{each.name}: what it runs has to be fetched first"))
            continue
        kind = own.type_url if own is not None else each.name
        left = 1.0 - sum(answer.share for answer in answers)
        found = _filter(kind, config or own, request, changes)
        told = (Policy("extension", f"{each.name}: {kind.rpartition('.')[2]}", sources),) if sources else ()
        policies += (*told, *found.policies)
        answers += (replace(answer, share=answer.share * left) for answer in found.answers)
    return Filtered(tuple(answer for answer in answers if answer.share), tuple(policies))


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


def _filter(
    kind: str, config: AnyMessage | None, request: Request, changes: tuple[HeaderChange, ...] | None
) -> Filtered:
    if kind == CORS:
        policy = unpacked(config, CorsPolicy)
        return _cors(policy, request) if policy is not None and changes is not None else Filtered((), ())
    if kind == FAULT:
        fault = unpacked(config, HttpFault)
        return _fault(fault, request, changes or ()) if fault is not None else Filtered((), ())
    return Filtered((), () if kind == _ROUTER else (Policy("filter", filter_words(kind, request)),))


def _cors(policy: CorsPolicy, request: Request) -> Filtered:
    """A preflight request is answered if its origin may ask, whatever it asks for: the browser compares."""
    told = (Policy("cors", in_words({k: v for k, v in as_json(policy).items() if k != "filter_enabled"})),)
    origin = request.header("origin")
    preflight = request.method == "OPTIONS" and bool(request.header("access-control-request-method"))
    if not origin or not preflight:
        return Filtered((), told)
    allowed = any(
        strings.matches(matcher, "*") or strings.matches(matcher, origin)
        for matcher in policy.allow_origin_string_match
    )
    if not allowed and policy.forward_not_matching_preflights is not False:
        return Filtered((), told)
    return Filtered((Answered(1.0, 200, "CORS preflight"),), told)


def _fault(fault: HttpFault, request: Request, changes: tuple[HeaderChange, ...]) -> Filtered:
    """Nothing happens to requests that do not have the headers which the fault is for."""
    told = tuple(
        Policy(f"fault.{name}", in_words(as_json(part)))
        for name, part in (("delay", fault.delay), ("abort", fault.abort))
        if part is not None
    )
    concerned = all(headers.mismatch(matcher, request) is None for matcher in fault.headers)
    if fault.abort is None or not concerned:
        return Filtered((), told)
    status, share = _abort_status(fault.abort), fraction(fault.abort.percentage)
    answer = Answered(share, status, "fault.abort", response_changes=changes)
    return Filtered((answer,) if status else (), told)


def _abort_status(abort: FaultAbort) -> int:
    """0 if the request itself would have to say."""
    return 200 if abort.grpc_status is not None else abort.http_status or 0
