"""Per-route configuration of a filter, for every rule in the view that asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import betterproto2

from xds.model.routing import HTTPRoute, VirtualService
from xds.model.view import ProxyView
from xds.pipeline.contribution import RouteOverride, RouteRef
from xds.pipeline.memo import Memo
from xds.wire.encode import encode, pack_any

RuleConfig = Callable[[HTTPRoute], betterproto2.Message | None]
"""What a rule asks of the filter; None if nothing. A module-level function, so that results are remembered."""


_GROUP = 32
"""So many VirtualServices are looked up together; see `translators.route.outbound`."""


def overrides(view: ProxyView, memo: Memo, filter_name: str, rule_config: RuleConfig) -> Iterator[RouteOverride]:
    """One override for each rule of the view's VirtualServices for which ``rule_config`` gives a configuration."""
    for group in memo(_groups, view):
        yield from memo(_of_group, filter_name, rule_config, memo, *group)


def _groups(view: ProxyView) -> tuple[tuple[VirtualService, ...], ...]:
    """The VirtualServices of the view, each once."""
    distinct = tuple({id(vs): vs for vs in _in_view(view)}.values())
    return tuple(distinct[start : start + _GROUP] for start in range(0, len(distinct), _GROUP))


def _in_view(view: ProxyView) -> Iterator[VirtualService]:
    for listener in view.egress:
        yield from listener.routed.exact.values()
        yield from (virtual_service for _, virtual_service in listener.routed.wildcard)
    for port in view.gateway:
        for server in port.servers:
            yield from server.virtual_services


def _of_group(
    filter_name: str, rule_config: RuleConfig, memo: Memo, *group: VirtualService
) -> tuple[RouteOverride, ...]:
    return tuple(override for vs in group for override in memo(_of_rules, filter_name, rule_config, vs))


def _of_rules(filter_name: str, rule_config: RuleConfig, virtual_service: VirtualService) -> tuple[RouteOverride, ...]:
    configs = ((rule.index, rule_config(rule)) for rule in virtual_service.http)
    return tuple(
        RouteOverride(RouteRef(virtual_service.meta.key, index), filter_name, encode(pack_any(config)))
        for index, config in configs
        if config is not None
    )
