"""What several objects say of one host, where only one of them is obeyed: told with the places of both.

- A second VirtualService of sidecars for a host that another already has: sidecars never merge.
- A DestinationRule whose policy, or one of whose subsets, another rule for the host hides.
- A subset that picks none of the endpoints of its service.

Pure and incremental: `Conflicts` is immutable, and `Conflicts.update` looks at the hosts that a change touches.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import chain

from xds.config.drafts import Draft, SetDraft
from xds.config.fold_discovery import Discovery
from xds.config.objects import ConfigObject, Objects
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.hosts import is_wildcard
from xds.model.labels import Labels
from xds.model.objects import ObjectKey, ObjectMeta
from xds.model.policy import DestinationRule
from xds.model.routing import MESH_GATEWAY, VirtualService
from xds.model.services import Endpoint, ServiceKey

_ROUTE, _RULE = "route", "rule"

KeysByHost = Mapping[str, AbstractSet[ObjectKey]]
HostsOf = Callable[["ConfigObject | None"], set[str]]
Pair = tuple[ConfigObject | None, ConfigObject | None]


@dataclass(frozen=True, slots=True, eq=False)
class Conflicts:
    """routes, policies: by host, VirtualServices of sidecars and DestinationRules. findings: by host and sort."""

    routes: KeysByHost = field(default_factory=dict)
    policies: KeysByHost = field(default_factory=dict)
    findings: Mapping[tuple[str, str], tuple[Diagnostic, ...]] = field(default_factory=dict)

    def update(self, pairs: Iterable[Pair], objects: Objects, discovery: Discovery, before: Discovery) -> Conflicts:
        """The state after a change.

        pairs: every object that changed, as it was and as it is. objects, discovery: all there is now. before: the
        discovery that this one was made from.
        """
        routes, policies = SetDraft(self.routes), SetDraft(self.policies)
        rerouted: set[str] = set()
        ruled = set(_relabelled(self.policies, discovery, before))
        for old, new in pairs:
            rerouted |= _enter(routes, old, new, _routed_hosts)
            ruled |= _enter(policies, old, new, _policy_hosts)
        by_route, by_policy = routes.done(), policies.done()
        findings = Draft(self.findings)
        for host in rerouted:
            findings.set((host, _ROUTE), tuple(_second_routes(host, by_route.get(host, ()), objects)) or None)
        for host in ruled:
            findings.set((host, _RULE), tuple(_of_rules(host, by_policy.get(host, ()), objects, discovery)) or None)
        return Conflicts(by_route, by_policy, findings.done())

    @property
    def diagnostics(self) -> Iterator[Diagnostic]:
        """All findings, ordered by host."""
        return chain.from_iterable(self.findings[key] for key in sorted(self.findings))


def _relabelled(policies: KeysByHost, discovery: Discovery, before: Discovery) -> Iterator[str]:
    """The hosts with DestinationRules whose endpoints have other labels than before: most changes are of health."""
    if discovery is not before:
        for key in discovery.touched:
            if key.hostname in policies and _label_sets(discovery, key) != _label_sets(before, key):
                yield key.hostname


def _label_sets(discovery: Discovery, key: ServiceKey) -> set[Labels] | None:
    """The labels of a service's endpoints, each once; None if it has none."""
    located = discovery.located.get(key)
    return {endpoint.labels for port in located.by_port.values() for endpoint in port} if located else None


def _enter(
    draft: SetDraft[str, ObjectKey], old: ConfigObject | None, new: ConfigObject | None, hosts_of: HostsOf
) -> set[str]:
    """Replaces an object in an index; the hosts that it has, or had."""
    before, after = hosts_of(old), hosts_of(new)
    one = new if new is not None else old
    if one is None or not (before or after):
        return set()
    for host in before - after:
        draft.discard(host, one.meta.key)
    for host in after - before:
        draft.add(host, one.meta.key)
    return before | after


def _routed_hosts(item: ConfigObject | None) -> set[str]:
    return set(item.hosts) if isinstance(item, VirtualService) and item.binds(MESH_GATEWAY) else set()


def _policy_hosts(item: ConfigObject | None) -> set[str]:
    return {item.host} if isinstance(item, DestinationRule) else set()


def _of_rules(
    host: str, keys: AbstractSet[ObjectKey] | tuple[()], objects: Objects, discovery: Discovery
) -> Iterator[Diagnostic]:
    found = (objects[key] for key in keys)
    rules = sorted((each for each in found if isinstance(each, DestinationRule)), key=_age)
    yield from _hidden_rules(rules)
    yield from _empty_subsets(host, rules, discovery)


def _age(item: VirtualService | DestinationRule) -> tuple[float, str, str]:
    return item.meta.age_order


def _second_routes(host: str, keys: AbstractSet[ObjectKey] | tuple[()], objects: Objects) -> Iterator[Diagnostic]:
    if len(keys) < 2:
        return
    found = (objects[key] for key in keys)
    oldest_first = sorted((each for each in found if isinstance(each, VirtualService)), key=_age)
    for number, younger in enumerate(oldest_first):
        older = next((o for o in oldest_first[:number] if _share_clients(o.export_to, younger.export_to)), None)
        if older is not None:
            reason = f"{_place(older.meta)} routes {host} already, and sidecars obey one: this has no effect on it"
            if not _seen_wherever(older.export_to, younger.export_to):
                reason += " where both are seen"
            yield _finding(younger.meta, reason, "duplicate-route", "spec.hosts")


def _hidden_rules(oldest_first: list[DestinationRule]) -> Iterator[Diagnostic]:
    for number, younger in enumerate(oldest_first):
        rivals = [older for older in oldest_first[:number] if _may_hide(older, younger)]
        leader = next((older for older in rivals if older.traffic_policy is not None), None)
        if leader is not None and younger.traffic_policy is not None:
            reason = f"{_place(leader.meta)} has the policy for {younger.host} already: this one has no effect"
            yield _finding(younger.meta, reason, "hidden-rule", "spec.trafficPolicy")
        known = {subset.name: older for older in reversed(rivals) for subset in older.subsets}
        for index, subset in enumerate(younger.subsets):
            if subset.name in known:
                place = _place(known[subset.name].meta)
                reason = f"{place} defines the subset {subset.name} of {younger.host} already: this one has no effect"
                path = f"spec.subsets[{index}]"
                yield Diagnostic(Severity.WARNING, subset.origin, reason, younger.meta.key, path, "hidden-rule")


def _may_hide(older: DestinationRule, younger: DestinationRule) -> bool:
    """Rules of different namespaces are for different clients, and so may be those for chosen workloads."""
    return older.meta.namespace == younger.meta.namespace and older.workload_selector == younger.workload_selector


def _empty_subsets(host: str, rules: list[DestinationRule], discovery: Discovery) -> Iterator[Diagnostic]:
    endpoints = _endpoints(host, discovery) if any(rule.subsets for rule in rules) else ()
    if not endpoints:
        return  # said of the service itself
    for rule in rules:
        for index, subset in enumerate(rule.subsets):
            if not any(subset.labels.selects(endpoint.labels) for endpoint in endpoints):
                labels = ", ".join(f"{name}={value}" for name, value in subset.labels.items())
                reason = f"no endpoint of {host} has the labels {labels}: what is routed to {subset.name} fails"
                yield Diagnostic(
                    Severity.WARNING, subset.origin, reason, rule.meta.key, f"spec.subsets[{index}]", "empty-subset"
                )


def _endpoints(host: str, discovery: Discovery) -> tuple[Endpoint, ...]:
    """Of the first service of that name. None for a wildcard, which may be of any number of services."""
    services = discovery.services.services
    place = bisect_left(services, ServiceKey(host, ""), key=lambda service: service.key)
    if is_wildcard(host) or place == len(services) or services[place].hostname != host:
        return ()
    located = discovery.located.get(services[place].key)
    return tuple(chain.from_iterable(located.by_port.values())) if located else ()


def _share_clients(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """True if some namespace sees objects with either ``exportTo``."""
    seen, also = set(one) - {"~"}, set(other) - {"~"}
    return bool(seen and also) and ("*" in seen or "*" in also or not seen.isdisjoint(also))


def _seen_wherever(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return "*" in one or set(one).issuperset(other)


def _place(meta: ObjectMeta) -> str:
    return f"{meta.key} at {meta.origin}"


def _finding(meta: ObjectMeta, reason: str, code: str, path: str) -> Diagnostic:
    return Diagnostic(Severity.WARNING, meta.origin, reason, meta.key, path, code)
