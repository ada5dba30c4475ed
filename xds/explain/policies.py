"""The policies of a route, in words."""

from __future__ import annotations

from collections.abc import Iterator

from envoy_data_plane.envoy.config.route.v3 import RouteAction

from xds.explain.action import Taken
from xds.explain.decode import as_json, in_words
from xds.explain.header_changes import request_changes, response_changes
from xds.explain.result import Policy
from xds.explain.route_match import fraction

_REWRITES = (
    "prefix_rewrite",
    "regex_rewrite",
    "host_rewrite_literal",
    "auto_host_rewrite",
    "host_rewrite_header",
    "host_rewrite_path_regex",
)


def route_policies(taken: Taken) -> tuple[Policy, ...]:
    """Everything that the route says beside where the request goes."""
    route = taken.route
    policies = list(_action(route.route)) if route.route is not None else []
    changes = (("request_headers", request_changes), ("response_headers", response_changes))
    for name, found in changes:
        told = "; ".join(map(str, found(taken.levels())))
        policies += [Policy(name, told)] if told else []
    return tuple(policies)


def _action(action: RouteAction) -> Iterator[Policy]:
    document = as_json(action)
    yield Policy("timeout", _timeout(action))
    if action.retry_policy is not None:
        retries = {key: value for key, value in as_json(action.retry_policy).items() if key != "retry_host_predicate"}
        others = ", never the same endpoint again" if action.retry_policy.retry_host_predicate else ""
        yield Policy("retry_policy", in_words(retries) + others)
    yield from (Policy(name, in_words(document[name])) for name in _REWRITES if name in document)
    for mirror in action.request_mirror_policies:
        runtime = mirror.runtime_fraction
        share = fraction(runtime.default_value) if runtime is not None else 1.0
        yield Policy("request_mirror_policy", f"{share * 100:.6g}% of requests to {mirror.cluster}")
    yield from (Policy("hash_policy", in_words(as_json(policy))) for policy in action.hash_policy)
    for weighted in action.weighted_clusters.clusters if action.weighted_clusters is not None else ():
        changes = "; ".join(map(str, (*request_changes((weighted,)), *response_changes((weighted,)))))
        if changes:
            yield Policy("weighted_cluster_headers", f"{weighted.name}: {changes}")


def _timeout(action: RouteAction) -> str:
    """``max_stream_duration`` takes the place of ``timeout``; without either it is Envoy's 15 s; 0 is none."""
    stream = action.max_stream_duration
    if stream is not None and stream.max_stream_duration is not None:
        seconds = stream.max_stream_duration.total_seconds()
    else:
        seconds = action.timeout.total_seconds() if action.timeout is not None else 15.0
    return f"{seconds:g}s" if seconds else "none"
