"""Whether what a proxy gets depends on where it runs: if not, proxies of all places share their view."""

from __future__ import annotations

from collections.abc import Iterator

from xds.model.locality import LocalityLbSetting
from xds.model.policy import LoadBalancerSettings, OutlierDetection, Subset, TrafficPolicy, locality_setting
from xds.model.view import EffectiveRule, VisibleService
from xds.pipeline.memo import Memo

_NOTHING = TrafficPolicy()


def counts(services: tuple[VisibleService, ...], mesh: LocalityLbSetting, memo: Memo) -> bool:
    """True if the endpoints of one of ``services`` rank by where they and their client run."""
    if locality_setting(None, None, mesh) is not None or any(visible.service.locality for visible in services):
        return True
    return any(memo(_ranks, visible.rule, mesh) for visible in services if visible.rule is not None)


def _ranks(rule: EffectiveRule, mesh: LocalityLbSetting) -> bool:
    return any(locality_setting(*blocks, mesh) is not None for blocks in _blocks(rule))


def _blocks(rule: EffectiveRule) -> Iterator[tuple[LoadBalancerSettings | None, OutlierDetection | None]]:
    """Every load balancer of a rule with the outlier detection that holds beside it, on whatever port."""
    top = rule.traffic_policy or _NOTHING
    unless_said = rule.baseline.outlier_detection if rule.baseline is not None else None
    for level in (top, *top.port_level.values()):
        yield level.load_balancer, level.outlier_detection or unless_said
        for subset in rule.subsets:
            yield from ((balancer, outlier or unless_said) for balancer, outlier in _of_subset(subset, level))


def _of_subset(
    subset: Subset, level: TrafficPolicy
) -> Iterator[tuple[LoadBalancerSettings | None, OutlierDetection | None]]:
    own = subset.traffic_policy or _NOTHING
    yield own.load_balancer or level.load_balancer, own.outlier_detection or level.outlier_detection
    yield from ((each.load_balancer, each.outlier_detection) for each in own.port_level.values())
