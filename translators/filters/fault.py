"""Fault injection: the chain's filter, and what Istio ``HTTPFaultInjection`` makes of it for the routes of a rule."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from envoy_data_plane.envoy.extensions.filters.common.fault.v3 import FaultDelay as EnvoyFaultDelay
from envoy_data_plane.envoy.extensions.filters.http.fault.v3 import FaultAbort as EnvoyFaultAbort
from envoy_data_plane.envoy.extensions.filters.http.fault.v3 import HttpFault
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter

from translators.filters.override import overrides
from translators.route.action import fraction
from xds.model.routing import FaultAbort, FaultDelay, HTTPFaultInjection, HTTPRoute
from xds.model.view import ProxyView
from xds.pipeline.contribution import Contribution, Direction, HttpFilterPart, Phase
from xds.pipeline.memo import Memo
from xds.wire.encode import encode, pack_any

NAME = "envoy.filters.http.fault"


def translate(view: ProxyView, memo: Memo) -> Iterable[Contribution]:
    """The filter on the client's side of every request, and an override for each rule that injects faults."""
    return memo(_contributions, view.without_endpoints, memo)


def _contributions(view: ProxyView, memo: Memo) -> tuple[Contribution, ...]:
    return (_filter(), *overrides(view, memo, NAME, rule_config))


@lru_cache(maxsize=1)
def _filter() -> HttpFilterPart:
    return HttpFilterPart(
        phase=Phase.FAULT,
        body=encode(HttpFilter(name=NAME, typed_config=pack_any(HttpFault()))),
        directions=frozenset({Direction.OUTBOUND, Direction.GATEWAY}),
    )


def rule_config(rule: HTTPRoute) -> HttpFault | None:
    """The filter's configuration for the routes of ``rule``; None if it has no fault."""
    return _http_fault(rule.fault) if rule.fault is not None else None


def _http_fault(injection: HTTPFaultInjection) -> HttpFault:
    return HttpFault(
        delay=_delay(injection.delay) if injection.delay is not None else None,
        abort=_abort(injection.abort) if injection.abort is not None else None,
    )


def _delay(delay: FaultDelay) -> EnvoyFaultDelay:
    return EnvoyFaultDelay(fixed_delay=delay.fixed_delay, percentage=fraction(delay.percentage))


def _abort(abort: FaultAbort) -> EnvoyFaultAbort:
    return EnvoyFaultAbort(
        http_status=abort.http_status, grpc_status=abort.grpc_status, percentage=fraction(abort.percentage)
    )
