"""Which DestinationRules hold for a service, as one client sees it.

Istio: the client's namespace is asked first, then the service's, then the root namespace; the first that has a rule
for the host decides, and there the most specific host. Rules for the same host merge: subsets unite, and the oldest
top-level policy holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from xds.model.hosts import host_matches, is_wildcard, specificity
from xds.model.labels import Labels
from xds.model.policy import DestinationRule, Subset, TrafficPolicy
from xds.model.services import Service
from xds.model.view import EffectiveRule, VisibleService
from xds.pipeline.memo import Memo
from xds.pipeline.visible import exported_to

RulesByNamespace = Mapping[str, tuple[DestinationRule, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class _Index:
    """The rules of one namespace: by exact host, and by wildcard, the most specific first."""

    exact: Mapping[str, tuple[DestinationRule, ...]]
    wildcard: tuple[tuple[str, tuple[DestinationRule, ...]], ...]

    def find(self, hostname: str) -> tuple[DestinationRule, ...]:
        found = self.exact.get(hostname)
        if found is not None:
            return found
        return next((rules for host, rules in self.wildcard if host_matches(host, hostname)), ())


def for_labels(rules: RulesByNamespace, labels: Labels, namespace: str) -> RulesByNamespace:
    """The rules that apply to a client with ``labels``: a workload selector counts in its own namespace only.

    The same object if no rule has a selector, which is the usual case.
    """
    if not any(rule.workload_selector is not None for group in rules.values() for rule in group):
        return rules
    return {
        ns: tuple(
            r for r in group if r.workload_selector is None or (ns == namespace and r.workload_selector.selects(labels))
        )
        for ns, group in rules.items()
    }


def visible_services(
    services: tuple[Service, ...],
    rules: RulesByNamespace,
    namespace: str,
    root_namespace: str,
    baseline: TrafficPolicy | None,
    memo: Memo,
) -> tuple[VisibleService, ...]:
    """Every service with the rule that holds for it when called from ``namespace``. baseline: the mesh's policy."""
    found = partial(rule_for, rules, namespace, root_namespace, baseline, memo)
    return tuple(memo(VisibleService, service, found(service)) for service in services)


def rule_for(
    rules: RulesByNamespace,
    namespace: str,
    root_namespace: str,
    baseline: TrafficPolicy | None,
    memo: Memo,
    service: Service,
) -> EffectiveRule | None:
    """The rule that holds for ``service`` when called from ``namespace``."""
    for candidate in dict.fromkeys((namespace, service.meta.namespace, root_namespace)):
        group = rules.get(candidate)
        if not group:
            continue
        found = memo(_index, group).find(service.hostname)
        seen = found if candidate == namespace else tuple(r for r in found if exported_to(r.export_to, namespace))
        if seen:
            return memo(merge, baseline, *seen)
    return memo(merge, baseline) if baseline is not None else None


def _index(rules: tuple[DestinationRule, ...]) -> _Index:
    by_host: dict[str, list[DestinationRule]] = {}
    for rule in rules:
        by_host.setdefault(rule.host, []).append(rule)
    frozen = {host: tuple(group) for host, group in by_host.items()}
    wildcards = sorted(filter(is_wildcard, frozen), key=specificity)
    return _Index(frozen, tuple((host, frozen[host]) for host in wildcards))


def merge(baseline: TrafficPolicy | None, *rules: DestinationRule) -> EffectiveRule:
    """One rule out of several for the same host, oldest first, or out of the mesh's policy alone."""
    if not rules:
        return EffectiveRule(None, (), (), baseline=baseline)
    leader = next((rule for rule in rules if rule.traffic_policy is not None), rules[0])
    subsets: dict[str, Subset] = {}
    for rule in rules:
        for subset in rule.subsets:
            subsets.setdefault(subset.name, subset)
    others = tuple(rule.meta for rule in rules if rule is not leader)
    selective = leader.workload_selector is not None
    return EffectiveRule(leader.traffic_policy, tuple(subsets.values()), (leader.meta, *others), selective, baseline)
