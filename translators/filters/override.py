"""Per-route configuration of a filter, for every rule in the view that asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import betterproto2

from xds.model.routing import HTTPRoute, VirtualService
from xds.model.view import ProxyView, RoutedHosts
from xds.pipeline.contribution import RouteOverride, RouteRef
from xds.pipeline.memo import Memo
from xds.wire.encode import encode, pack_any

RuleConfig = Callable[[HTTPRoute], betterproto2.Message | None]
"""What a rule asks of the filter; None if nothing. A module-level function, so that results are remembered."""


def overrides(view: ProxyView, memo: Memo, filter_name: str, rule_config: RuleConfig) -> Iterator[RouteOverride]:
    """One override for each rule of the view's VirtualServices for which ``rule_config`` gives a configuration."""
    for listener in view.egress:
        yield from memo(_of_hosts, listener.routed, filter_name, rule_config, memo)
    bound = {id(vs): vs for port in view.gateway for server in port.servers for vs in server.virtual_services}
    for virtual_service in bound.values():
        yield from memo(_of_rules, virtual_service, filter_name, rule_config)


def _of_hosts(routed: RoutedHosts, filter_name: str, rule_config: RuleConfig, memo: Memo) -> tuple[RouteOverride, ...]:
    """Several hosts may share a VirtualService."""
    all_of_them = (*routed.exact.values(), *(vs for _, vs in routed.wildcard))
    distinct = {id(virtual_service): virtual_service for virtual_service in all_of_them}
    return tuple(override for vs in distinct.values() for override in memo(_of_rules, vs, filter_name, rule_config))


def _of_rules(virtual_service: VirtualService, filter_name: str, rule_config: RuleConfig) -> tuple[RouteOverride, ...]:
    configs = ((rule.index, rule_config(rule)) for rule in virtual_service.http)
    return tuple(
        RouteOverride(RouteRef(virtual_service.meta.key, index), filter_name, encode(pack_any(config)))
        for index, config in configs
        if config is not None
    )
