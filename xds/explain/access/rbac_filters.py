"""Envoy's RBAC filters, of requests and of connections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from envoy_data_plane.envoy.config.rbac.v3 import Rbac as Rules
from envoy_data_plane.envoy.extensions.filters.http.rbac.v3 import Rbac as HttpRbac
from envoy_data_plane.envoy.extensions.filters.http.rbac.v3 import RbacPerRoute
from envoy_data_plane.envoy.extensions.filters.network.rbac.v3 import Rbac as NetworkRbac
from envoy_data_plane.google.protobuf import Any as AnyMessage

from xds.explain.access.rbac import Verdict, judged
from xds.explain.decode import unpacked
from xds.explain.errors import UnsupportedError
from xds.explain.result import Answered, Check, Ended
from xds.explain.step import Did
from xds.explain.stream import Stream

HTTP_NOTES: Final = "envoy.filters.http.rbac"
NETWORK_NOTES: Final = "envoy.filters.network.rbac"
_FORBIDDEN: Final = 403


def http_rbac(name: str, own: AnyMessage | None, route: AnyMessage | None, stream: Stream) -> Did:
    """What the filter of requests does. route: what the route has in the place of its own configuration.

    Raises UnsupportedError.
    """
    config = unpacked(own, HttpRbac)
    if route is not None:
        per_route = unpacked(route, RbacPerRoute)
        config = per_route.rbac if per_route is not None else config
    if config is None:
        return Did(stream)
    if config.matcher is not None or config.shadow_matcher is not None:
        raise UnsupportedError("an RBAC filter with a matcher tree")
    checks: list[Check] = []
    if config.shadow_rules is not None:
        stream = _shadow(name, config.shadow_rules, config.shadow_rules_stat_prefix, HTTP_NOTES, stream, checks)
    if config.rules is None:
        return Did(stream, checks=tuple(checks))
    verdict = judged(config.rules, stream)
    checks.append(_check(name, verdict))
    stream = stream.with_note(HTTP_NOTES, _notes(verdict, f"{config.rules_stat_prefix}enforced_"))
    answers = () if verdict.allows else (Answered(1.0, _FORBIDDEN, verdict.refusal),)
    return Did(stream, answers, checks=tuple(checks))


def network_rbac(name: str, config: NetworkRbac, stream: Stream) -> Did:
    """What the filter of connections does: it closes those that it refuses. Raises UnsupportedError."""
    if config.matcher is not None or config.shadow_matcher is not None:
        raise UnsupportedError("an RBAC filter with a matcher tree")
    checks: list[Check] = []
    if config.shadow_rules is not None:
        stream = _shadow(name, config.shadow_rules, config.shadow_rules_stat_prefix, NETWORK_NOTES, stream, checks)
    if config.rules is None:
        return Did(stream, checks=tuple(checks))
    verdict = judged(config.rules, stream)
    checks.append(_check(name, verdict))
    ended = () if verdict.allows else (Ended(1.0, verdict.refusal),)
    return Did(stream.with_note(NETWORK_NOTES, _notes(verdict, "enforced_")), ended, checks=tuple(checks))


def _shadow(name: str, rules: Rules, prefix: str, notes: str, stream: Stream, checks: list[Check]) -> Stream:
    """Rules that only note what they would do. prefix: of what they note."""
    verdict = judged(rules, stream)
    checks.append(_check(name, verdict, f"shadow rules {prefix}".rstrip() + ", "))
    return stream.with_note(notes, _notes(verdict, f"{prefix}shadow_"))


def _check(name: str, verdict: Verdict, prefix: str = "") -> Check:
    return Check(name, prefix + verdict.text, verdict.policy or "", verdict.passed_over)


def _notes(verdict: Verdict, prefix: str) -> Mapping[str, object]:
    policy = {f"{prefix}effective_policy_id": verdict.policy} if verdict.policy is not None else {}
    return {**policy, f"{prefix}engine_result": "allowed" if verdict.allows else "denied"}
