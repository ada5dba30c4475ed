"""What happens to a matched request: Istio ``HTTPRoute`` to Envoy ``RouteAction`` and its two siblings.

An encoded message is the concatenation of encodings of its parts, so the parts that many routes have in common (the
timeouts, the retries) are encoded once. Field numbers are Envoy's: RouteAction.cluster 1 and weighted_clusters 3,
WeightedCluster.clusters 1, ClusterWeight.name 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import lru_cache

from envoy_data_plane.envoy.config.core.v3 import DataSource, RuntimeFractionalPercent
from envoy_data_plane.envoy.config.route.v3 import (
    DirectResponseAction,
    RedirectAction,
    RedirectActionRedirectResponseCode,
    RouteAction,
    RouteActionMaxStreamDuration,
    RouteActionRequestMirrorPolicy,
    WeightedClusterClusterWeight,
)
from envoy_data_plane.envoy.type.matcher.v3 import RegexMatchAndSubstitute, RegexMatcher
from envoy_data_plane.envoy.type.v3 import FractionalPercent, FractionalPercentDenominatorType

from translators.route.client import ClientRules
from translators.route.destination import (
    consistent_hash,
    destination_cluster,
    destination_policy,
    destination_port,
    hash_policies,
)
from translators.route.headers import HeaderChanges, header_changes
from translators.route.retry import retries
from xds.model.policy import ConsistentHashLB
from xds.model.routing import (
    HTTPDirectResponse,
    HTTPMirrorPolicy,
    HTTPRedirect,
    HTTPRetry,
    HTTPRoute,
    HTTPRouteDestination,
    RedirectPort,
)
from xds.wire.encode import encode
from xds.wire.splice import field

NO_TIMEOUT = timedelta(0)
_CODES = {
    301: RedirectActionRedirectResponseCode.MOVED_PERMANENTLY,
    302: RedirectActionRedirectResponseCode.FOUND,
    303: RedirectActionRedirectResponseCode.SEE_OTHER,
    307: RedirectActionRedirectResponseCode.TEMPORARY_REDIRECT,
    308: RedirectActionRedirectResponseCode.PERMANENT_REDIRECT,
}
_PER_PERCENT = 10_000


def destinations(rule: HTTPRoute) -> tuple[HTTPRouteDestination, ...]:
    """Those that get a share of the requests: with several, a weight of 0 is none."""
    if len(rule.route) == 1:
        return rule.route
    return tuple(target for target in rule.route if target.weight)


def forward(rule: HTTPRoute, rules: ClientRules, listen_port: int, route_headers: HeaderChanges) -> bytes:
    """An encoded ``RouteAction``. route_headers: those of the whole route, whose authority beats a destination's."""
    to = destinations(rule)
    hashes = [_hash(target, rules, listen_port) for target in to]
    authority = (rule.rewrite.authority if rule.rewrite else "") or route_headers.authority
    return b"".join(
        (
            _target(rule, to, rules, listen_port, authority),
            timeouts(rule.timeout),
            retries(rule.retries or rules.retries, any(hashes)),
            _extras(rule, hashes, rules, listen_port, authority),
        )
    )


def to_cluster(cluster: str, retry: HTTPRetry | None, lb: ConsistentHashLB | None) -> bytes:
    """An encoded ``RouteAction`` with Istio's defaults, or with the mesh's retries."""
    hashing = encode(RouteAction(hash_policy=hash_policies((lb,)))) if lb else b""
    return field(1, cluster.encode()) + timeouts(None) + retries(retry, lb is not None) + hashing


@lru_cache(maxsize=1024)
def timeouts(timeout: timedelta | None) -> bytes:
    """An encoded ``RouteAction`` with nothing but limits of time: none at all unless one is set.

    Where there is a ``max_stream_duration``, Envoy ignores ``timeout``: only a route without a limit has both, so that
    what a gRPC client asks for with ``grpc-timeout`` holds.
    """
    if timeout:
        return encode(RouteAction(timeout=timeout))
    stream = RouteActionMaxStreamDuration(max_stream_duration=NO_TIMEOUT, grpc_timeout_header_max=NO_TIMEOUT)
    return encode(RouteAction(timeout=NO_TIMEOUT, max_stream_duration=stream))


def _target(
    rule: HTTPRoute, to: tuple[HTTPRouteDestination, ...], rules: ClientRules, listen_port: int, authority: str
) -> bytes:
    if len(rule.route) == 1:
        return field(1, _cluster(to[0], rules, listen_port))
    weights = (field(1, _weighted(target, rules, listen_port, authority)) for target in to)
    return field(3, b"".join(weights))


def _weighted(target: HTTPRouteDestination, rules: ClientRules, listen_port: int, authority: str) -> bytes:
    weight = field(1, _cluster(target, rules, listen_port)) + _weight(target.weight)
    if target.headers is None:
        return weight
    changes = header_changes(target.headers)
    return weight + encode(
        WeightedClusterClusterWeight(
            request_headers_to_add=list(changes.request_add),
            request_headers_to_remove=list(changes.request_remove),
            response_headers_to_add=list(changes.response_add),
            response_headers_to_remove=list(changes.response_remove),
            host_rewrite_literal=None if authority else changes.authority or None,
        )
    )


@lru_cache(maxsize=1024)
def _weight(weight: int) -> bytes:
    return encode(WeightedClusterClusterWeight(weight=weight))


def _cluster(target: HTTPRouteDestination, rules: ClientRules, listen_port: int) -> bytes:
    destination = target.destination
    return destination_cluster(destination, rules.target(destination.host), listen_port).encode()


def _hash(target: HTTPRouteDestination, rules: ClientRules, listen_port: int) -> ConsistentHashLB | None:
    destination = target.destination
    service = rules.target(destination.host)
    port = destination_port(destination, service, listen_port)
    return consistent_hash(destination_policy(service, port, destination.subset))


def _extras(
    rule: HTTPRoute, hashes: list[ConsistentHashLB | None], rules: ClientRules, listen_port: int, authority: str
) -> bytes:
    """What most routes have none of."""
    if not (rule.rewrite or rule.mirrors or authority or any(hashes)):
        return b""
    rewrite = rule.rewrite
    return encode(
        RouteAction(
            prefix_rewrite=rewrite.uri if rewrite else "",
            regex_rewrite=_regex_rewrite(*rewrite.uri_regex) if rewrite and rewrite.uri_regex else None,
            host_rewrite_literal=authority or None,
            request_mirror_policies=list(_mirrors(rule.mirrors, rules, listen_port)),
            hash_policy=hash_policies(hashes),
        )
    )


def _regex_rewrite(pattern: str, substitution: str) -> RegexMatchAndSubstitute:
    return RegexMatchAndSubstitute(pattern=RegexMatcher(regex=pattern), substitution=substitution)


def _mirrors(
    mirrors: tuple[HTTPMirrorPolicy, ...], rules: ClientRules, listen_port: int
) -> Iterator[RouteActionRequestMirrorPolicy]:
    for mirror in mirrors:
        if mirror.percentage:
            destination = mirror.destination
            yield RouteActionRequestMirrorPolicy(
                cluster=destination_cluster(destination, rules.target(destination.host), listen_port),
                runtime_fraction=RuntimeFractionalPercent(default_value=fraction(mirror.percentage)),
                trace_sampled=False,
            )


def fraction(percentage: float) -> FractionalPercent:
    """``percentage``, 0 to 100, in parts of a million: Istio allows 0.0001%."""
    return FractionalPercent(
        numerator=round(percentage * _PER_PERCENT), denominator=FractionalPercentDenominatorType.MILLION
    )


def redirect(config: HTTPRedirect, listen_port: int) -> bytes:
    """An encoded ``RedirectAction``. Without a port Envoy keeps the scheme's default, as FROM_PROTOCOL_DEFAULT asks."""
    port = listen_port if config.port is RedirectPort.FROM_REQUEST_PORT else config.port
    return encode(
        RedirectAction(
            path_redirect=config.uri or None,
            prefix_rewrite=None if config.uri else config.prefix_rewrite or None,
            host_redirect=config.authority,
            scheme_redirect=config.scheme or None,
            port_redirect=port if isinstance(port, int) else 0,
            response_code=_CODES[config.code],
        )
    )


def direct_response(config: HTTPDirectResponse) -> bytes:
    """An encoded ``DirectResponseAction``."""
    body = DataSource(inline_bytes=config.body) if config.body else None
    return encode(DirectResponseAction(status=config.status, body=body))
