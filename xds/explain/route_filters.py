"""Filters that do what the route says: CORS and fault injection."""

from __future__ import annotations

from envoy_data_plane.envoy.extensions.filters.http.cors.v3 import CorsPolicy
from envoy_data_plane.envoy.extensions.filters.http.fault.v3 import FaultAbort, HttpFault

from xds.explain import headers, strings
from xds.explain.decode import as_json, in_words
from xds.explain.header_changes import HeaderChange
from xds.explain.request import Request
from xds.explain.result import Answered, Policy
from xds.explain.route_match import fraction
from xds.explain.step import Did
from xds.explain.stream import Stream


def cors(policy: CorsPolicy, request: Request, stream: Stream) -> Did:
    """A preflight request is answered if its origin may ask, whatever it asks for: the browser compares."""
    told = (Policy("cors", in_words({k: v for k, v in as_json(policy).items() if k != "filter_enabled"})),)
    origin = request.header("origin")
    preflight = request.method == "OPTIONS" and bool(request.header("access-control-request-method"))
    if not origin or not preflight:
        return Did(stream, policies=told)
    allowed = any(
        strings.matches(matcher, "*") or strings.matches(matcher, origin)
        for matcher in policy.allow_origin_string_match
    )
    if not allowed and policy.forward_not_matching_preflights is not False:
        return Did(stream, policies=told)
    return Did(stream, (Answered(1.0, 200, "CORS preflight"),), told)


def fault(of: HttpFault, request: Request, stream: Stream, changes: tuple[HeaderChange, ...]) -> Did:
    """Nothing happens to requests that do not have the headers which the fault is for."""
    told = tuple(
        Policy(f"fault.{name}", in_words(as_json(part)))
        for name, part in (("delay", of.delay), ("abort", of.abort))
        if part is not None
    )
    concerned = all(headers.mismatch(matcher, request) is None for matcher in of.headers)
    if of.abort is None or not concerned:
        return Did(stream, policies=told)
    status, share = _abort_status(of.abort), fraction(of.abort.percentage)
    answer = Answered(share, status, "fault.abort", response_changes=changes)
    return Did(stream, (answer,) if status else (), told)


def _abort_status(abort: FaultAbort) -> int:
    """0 if the request itself would have to say."""
    return 200 if abort.grpc_status is not None else abort.http_status or 0
