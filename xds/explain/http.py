"""The way of a request through a connection manager: virtual host, route, and what becomes of it there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from envoy_data_plane.envoy.config.route.v3 import (
    RouteConfiguration,
    RouteMatch,
    VirtualHost,
    VirtualHostTlsRequirementType,
)

from xds.explain import route_match
from xds.explain.action import Hop, Taken, outcomes
from xds.explain.admission import as_received, redirection, refusal, unreadable
from xds.explain.errors import UnsupportedError
from xds.explain.policies import route_policies
from xds.explain.request import Request
from xds.explain.result import (
    Answered,
    Explanation,
    HostStep,
    Outcome,
    PassedOver,
    RouteStep,
    objects,
)
from xds.explain.tables import HostFound, route_table


def explain_request(hop: Hop, request: Request) -> Explanation:
    """From the virtual host on. Raises UnsupportedError for what cannot be told."""
    if reason := unreadable(request):
        return Explanation((Answered(1.0, 400, reason),))
    explanation = _explanation(hop, request)
    if not route_match.is_grpc(request):
        return explanation
    return replace(explanation, outcomes=tuple(map(_to_grpc, explanation.outcomes)))


def _to_grpc(outcome: Outcome) -> Outcome:
    """Whatever a proxy itself answers to a gRPC client has status 200, and what is meant in the headers."""
    if not isinstance(outcome, Answered) or outcome.status == 200:
        return outcome
    return replace(outcome, status=200, reason=f"{outcome.reason}: HTTP {outcome.status} as a gRPC status")


def _explanation(hop: Hop, request: Request) -> Explanation:
    table = route_table(hop.snapshot, hop.manager)
    if table is None:
        return Explanation((Answered(1.0, 404, "the proxy has no RouteConfiguration for this"),))
    if reason := refusal(request, hop.manager):
        return Explanation((Answered(1.0, 400, reason),))
    if not request.path.startswith("/"):
        return Explanation((Answered(1.0, 404, "the request is for the server as a whole"),))
    if location := redirection(request, hop.manager):
        return Explanation((Answered(1.0, 307, "the path has an escaped slash", location),))
    seen = as_received(request, hop.manager)
    host = table.find(seen.authority)
    if host is None:
        return Explanation((Answered(1.0, 404, f"no virtual host has the domain {seen.authority}"),))
    step = HostStep(table.name, host.message.name, host.domain, objects(host.sources.origins), host.sources.patched)
    if _needs_tls(host.message) and seen.scheme != "https":
        location = f"https://{seen.authority}{seen.path}"
        return Explanation((Answered(1.0, 301, "TLS is required", location),), host=step)
    routes = tuple(_routes(hop, table.header, host, seen))
    return Explanation(_all_outcomes(routes), host=step, routes=routes)


def _needs_tls(host: VirtualHost) -> bool:
    if host.require_tls == VirtualHostTlsRequirementType.EXTERNAL_ONLY:
        raise UnsupportedError("a virtual host that asks for TLS from outside only")
    return host.require_tls == VirtualHostTlsRequirementType.ALL


def _routes(hop: Hop, table: RouteConfiguration, found: HostFound, request: Request) -> Iterator[RouteStep]:
    """The first route that the request matches; those after it as well, as far as chance leaves requests to them."""
    host, rules = found.message, found.sources.rules
    if host.matcher is not None:
        raise UnsupportedError("a virtual host with a matcher tree")
    rules = rules if len(rules) == len(host.routes) else (None,) * len(host.routes)
    passed: list[PassedOver] = []
    left = 1.0
    for index, (route, source) in enumerate(zip(host.routes, rules, strict=True)):
        match = route.match or RouteMatch()
        name = route.name or f"route {index + 1}"
        if reason := route_match.mismatch(match, request):
            passed.append(PassedOver(f"{name}: {route_match.described(match)}", reason))
            continue
        share = left * route_match.share(match)
        if not share:
            continue
        taken = Taken(hop, table, host, route)
        through, becomes = outcomes(taken, request)
        yield RouteStep(
            name=name,
            share=share,
            match=route_match.described(match),
            passed_over=tuple(passed),
            policies=(*route_policies(taken), *through.policies),
            outcomes=tuple(replace(outcome, share=outcome.share * share) for outcome in becomes),
            sources=(source,) if source is not None else (),
        )
        left -= share
        if left <= 0:
            return


def _all_outcomes(routes: Sequence[RouteStep]) -> tuple[Outcome, ...]:
    found = tuple(outcome for route in routes for outcome in route.outcomes)
    left = 1.0 - sum(route.share for route in routes)
    return (*found, Answered(left, 404, "no route matches")) if left > 0 else found
