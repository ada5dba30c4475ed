"""Cross-origin requests: the chain's filter, and Istio ``CorsPolicy`` for the routes of a rule."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from envoy_data_plane.envoy.config.core.v3 import RuntimeFractionalPercent
from envoy_data_plane.envoy.extensions.filters.http.cors.v3 import Cors
from envoy_data_plane.envoy.extensions.filters.http.cors.v3 import CorsPolicy as EnvoyCorsPolicy
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter

from translators.filters.override import overrides
from translators.route.action import fraction
from translators.route.match import string_matcher
from xds.model.routing import CorsPolicy, HTTPRoute
from xds.model.view import ProxyView
from xds.pipeline.contribution import Contribution, Direction, HttpFilterPart, Phase
from xds.pipeline.memo import Memo
from xds.wire.encode import encode, pack_any

NAME = "envoy.filters.http.cors"


def translate(view: ProxyView, memo: Memo) -> Iterable[Contribution]:
    """The filter in every connection manager, and an override for each rule with a policy."""
    return memo(_contributions, view.without_endpoints, memo)


def _contributions(view: ProxyView, memo: Memo) -> tuple[Contribution, ...]:
    return (_filter(), *overrides(view, memo, NAME, rule_config))


@lru_cache(maxsize=1)
def _filter() -> HttpFilterPart:
    return HttpFilterPart(
        phase=Phase.CORS,
        body=encode(HttpFilter(name=NAME, typed_config=pack_any(Cors()))),
        directions=frozenset(Direction),
    )


def rule_config(rule: HTTPRoute) -> EnvoyCorsPolicy | None:
    """The policy for the routes of ``rule``; None if it has none."""
    return _policy(rule.cors_policy) if rule.cors_policy is not None else None


def _policy(policy: CorsPolicy) -> EnvoyCorsPolicy:
    return EnvoyCorsPolicy(
        allow_origin_string_match=[string_matcher(origin) for origin in policy.allow_origins],
        allow_methods=",".join(policy.allow_methods),
        allow_headers=",".join(policy.allow_headers),
        expose_headers=",".join(policy.expose_headers),
        max_age=str(int(policy.max_age.total_seconds())) if policy.max_age is not None else "",
        allow_credentials=policy.allow_credentials,
        forward_not_matching_preflights=policy.forward_unmatched_preflights,
        filter_enabled=RuntimeFractionalPercent(default_value=fraction(100)),
    )
