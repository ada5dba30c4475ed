"""The way of a request through a connection manager: virtual host, route, and what becomes of it there."""

from __future__ import annotations

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
from xds.explain.client import remote_address
from xds.explain.errors import UnsupportedError
from xds.explain.filters import filtered, rerouted
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
from xds.explain.states import states
from xds.explain.stream import Stream
from xds.explain.tables import HostFound, route_table
from xds.resources.types import EXTENSION_CONFIG


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
    if reason := refusal(request, hop.manager):
        return Explanation((Answered(1.0, 400, reason),))
    if location := redirection(request, hop.manager):
        return Explanation((Answered(1.0, 307, "the path has an escaped slash", location),))
    seen = as_received(request, hop.manager, hop.seen.source)
    stream = Stream(hop.seen, hop.encrypted, seen, remote_address(request, hop.manager, hop.seen.source))
    stream = replace(stream, states=states(hop.manager))
    matched = rerouted(hop.manager, hop.snapshot[EXTENSION_CONFIG], stream)
    table = route_table(hop.snapshot, hop.manager)
    if table is None:
        return _unrouted(hop, stream, Answered(1.0, 404, "the proxy has no RouteConfiguration for this"))
    if not seen.path.startswith("/"):
        return _unrouted(hop, stream, Answered(1.0, 404, "the request is for the server as a whole"))
    host = table.find(seen.authority)
    if host is None:
        return _unrouted(hop, stream, Answered(1.0, 404, f"no virtual host has the domain {seen.authority}"))
    step = HostStep(table.name, host.message.name, host.domain, objects(host.sources.origins), host.sources.patched)
    if _needs_tls(host.message) and seen.scheme != "https":
        location = f"https://{seen.authority}{seen.path}"
        return replace(_unrouted(hop, stream, Answered(1.0, 301, "TLS is required", location)), host=step)
    routes, left = _routes(hop, table.header, host, stream, matched)
    rest = _unrouted(hop, stream, Answered(left, 404, "no route matches")) if left > 0 else Explanation(())
    outcomes = tuple(outcome for route in routes for outcome in route.outcomes)
    return Explanation((*outcomes, *rest.outcomes), host=step, checks=rest.checks, routes=routes)


def _unrouted(hop: Hop, stream: Stream, answer: Answered) -> Explanation:
    """What requests meet that no route is for: the filters, and then this."""
    through = filtered(hop.manager, hop.snapshot[EXTENSION_CONFIG], (), stream, None)
    ends = tuple(replace(end, share=end.share * answer.share) for end in through.answers)
    last = (replace(answer, share=answer.share * through.rest),) if through.rest else ()
    return Explanation((*ends, *last), checks=through.checks)


def _needs_tls(host: VirtualHost) -> bool:
    if host.require_tls == VirtualHostTlsRequirementType.EXTERNAL_ONLY:
        raise UnsupportedError("a virtual host that asks for TLS from outside only")
    return host.require_tls == VirtualHostTlsRequirementType.ALL


def _routes(
    hop: Hop, table: RouteConfiguration, found: HostFound, stream: Stream, matched: Stream
) -> tuple[tuple[RouteStep, ...], float]:
    """The first route that the request matches; those after it as well, as far as chance leaves requests to them; and
    the share of requests that is left in the end. stream: the request as filters get it. matched: as routes do."""
    host, rules = found.message, found.sources.rules
    if host.matcher is not None:
        raise UnsupportedError("a virtual host with a matcher tree")
    rules = rules if len(rules) == len(host.routes) else (None,) * len(host.routes)
    passed: list[PassedOver] = []
    steps: list[RouteStep] = []
    left = 1.0
    for index, (route, source) in enumerate(zip(host.routes, rules, strict=True)):
        match = route.match or RouteMatch()
        name = route.name or f"route {index + 1}"
        if reason := route_match.mismatch(match, matched.of_request, matched.noted):
            passed.append(PassedOver(f"{name}: {route_match.described(match)}", reason))
            continue
        share = left * route_match.share(match)
        if not share:
            continue
        step = _step(Taken(hop, table, host, route), name, stream)
        outcomes = tuple(replace(outcome, share=outcome.share * share) for outcome in step.outcomes)
        sources = (source,) if source is not None else ()
        steps.append(replace(step, share=share, passed_over=tuple(passed), outcomes=outcomes, sources=sources))
        left -= share
        if left <= 0:
            break
    return tuple(steps), max(0.0, left)


def _step(taken: Taken, name: str, stream: Stream) -> RouteStep:
    """Of a route that all requests take."""
    through, becomes = outcomes(taken, stream)
    policies = (*route_policies(taken), *through.policies)
    return RouteStep(name, 1.0, route_match.described(taken.match), (), policies, becomes, (), through.checks)
