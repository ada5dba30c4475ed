"""Whether a request is what a route is for: Envoy's ``RouteMatch``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from envoy_data_plane.envoy.config.route.v3 import RouteMatch
from envoy_data_plane.envoy.type.v3 import FractionalPercent, FractionalPercentDenominatorType

from xds.explain import headers, query
from xds.explain.errors import UnsupportedError
from xds.explain.metadata import described_note, noted
from xds.explain.re2 import full_match
from xds.explain.request import Request
from xds.explain.stream import NOTHING_NOTED, Metadata

_PARTS = {
    FractionalPercentDenominatorType.HUNDRED: 100,
    FractionalPercentDenominatorType.TEN_THOUSAND: 10_000,
    FractionalPercentDenominatorType.MILLION: 1_000_000,
}
_UNSUPPORTED = ("path_match_policy", "cookies", "tls_context", "filter_state")


def mismatch(match: RouteMatch, request: Request, metadata: Metadata = NOTHING_NOTED) -> str | None:
    """Why a request is none for this route; None if it is one. Raises UnsupportedError.

    Chance (`share`) is left out of it. metadata: what filters have noted before.
    """
    for name in _UNSUPPORTED:
        if getattr(match, name):
            raise UnsupportedError(f"a route that is matched by {name}")
    conditions = (noted(matcher, metadata) for matcher in match.dynamic_metadata)
    unmet = (f"{each.wanted} is asked for, and {each.seen}" for each in conditions if not each.holds)
    return next(chain(_mismatches(match, request), unmet), None)


def _mismatches(match: RouteMatch, request: Request) -> Iterator[str]:
    if not _path_matches(match, request):
        yield f"path is {request.path_alone}"
    if match.grpc is not None and not is_grpc(request):
        yield "it is no gRPC request"
    for header in match.headers:
        if reason := headers.mismatch(header, request):
            yield reason
    parameters = query.parse_query(request.path) if match.query_parameters else {}
    for parameter in match.query_parameters:
        if reason := query.mismatch(parameter, parameters):
            yield reason


def _path_matches(match: RouteMatch, request: Request) -> bool:
    if match.connect_matcher is not None:
        return request.method == "CONNECT"
    path = request.path_alone
    if match.safe_regex is not None:
        return full_match(match.safe_regex.regex, path)
    wanted = literal_path(match)
    if match.case_sensitive is False:
        path, wanted = path.lower(), wanted.lower()
    if match.path is not None:
        return path == wanted
    if match.path_separated_prefix is not None:
        return path == wanted or path.startswith(f"{wanted}/")
    return path.startswith(wanted)


def literal_path(match: RouteMatch) -> str:
    """The path or prefix that is compared; empty if there is none."""
    return next((p for p in (match.path, match.prefix, match.path_separated_prefix) if p is not None), "")


def is_grpc(request: Request) -> bool:
    """Whether Envoy takes it for gRPC."""
    kind = request.header("content-type") or ""
    return kind == "application/grpc" or kind.startswith("application/grpc+")


def share(match: RouteMatch) -> float:
    """0 to 1: for how many of the requests that match the route is there at all."""
    runtime = match.runtime_fraction
    return fraction(runtime.default_value) if runtime is not None else 1.0


def fraction(percent: FractionalPercent | None) -> float:
    """0 to 1. None is nothing."""
    return min(1.0, percent.numerator / _PARTS[percent.denominator]) if percent is not None else 0.0


def described(match: RouteMatch) -> str:
    """All conditions in words."""
    parts = [_described_path(match)]
    if match.grpc is not None:
        parts.append("is gRPC")
    parts += map(headers.described, match.headers)
    parts += map(query.described, match.query_parameters)
    parts += map(described_note, match.dynamic_metadata)
    if match.runtime_fraction is not None:
        parts.append(f"for {share(match):.4%} of requests")
    return ", ".join(parts)


def _described_path(match: RouteMatch) -> str:
    if match.safe_regex is not None:
        return f'path matches "{match.safe_regex.regex}"'
    if match.connect_matcher is not None:
        return "method is CONNECT"
    words = "is" if match.path is not None else "begins with"
    text = f'path {words} "{literal_path(match)}"'
    return f"{text} in any case" if match.case_sensitive is False else text
