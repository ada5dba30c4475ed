"""AuthorizationPolicies that refuse more than they seem to, and that name what is not there."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from xds.config.analysis.subject import Subject
from xds.config.document import Path
from xds.model.authorization import (
    Attribute,
    AuthorizationAction,
    AuthorizationPolicy,
    AuthorizationRule,
    Condition,
    Conditions,
)
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.services import Workload


def analyse(subject: Subject) -> Iterator[Diagnostic]:
    """Rules for requests that cut off ports of another kind (IST0133), and namespaces without anything (IST0101)."""
    for policy in chain.from_iterable(subject.mesh.authorization_policies.values()):
        for rule in policy.rules:
            yield from _cut_off(subject, policy, rule)
            yield from _unknown_namespaces(subject, policy, rule)


def _cut_off(subject: Subject, policy: AuthorizationPolicy, rule: AuthorizationRule) -> Iterator[Diagnostic]:
    if policy.action is not AuthorizationAction.DENY or policy.dry_run or not rule.needs_request:
        return
    ports = (port for workload in _workloads(subject, policy) for port in _ports(subject, workload))
    found = sorted({port for port in ports if _is_for(rule, port)})
    if found:
        reason = (
            "denies by what only requests have; of connections nobody knows it, so that all of them are denied that "
            f"the rest of the rule is for: on port {', '.join(map(str, found))}. Say in ports which ones are meant"
        )
        path: Path = ("spec", "rules", rule.index)
        yield subject.finding(policy.meta.key, path, Severity.WARNING, reason, "http-only-condition")


def _workloads(subject: Subject, policy: AuthorizationPolicy) -> Iterator[Workload]:
    """Those that it is for; proxies of Gateways have no ports of their own."""
    if policy.gateways is not None:
        return
    everywhere = policy.meta.namespace == subject.root_namespace
    for workload in subject.mesh.workloads.values():
        in_reach = everywhere or policy.meta.namespace == workload.meta.namespace
        if in_reach and policy.selector.selects(workload.labels):
            yield workload


def _ports(subject: Subject, workload: Workload) -> Iterator[int]:
    """The ports of a workload that are declared to be something else than HTTP."""
    for instance in subject.mesh.instances.get(workload.address, ()):
        if instance.port.protocol.is_tcp:
            yield instance.target_port


def _is_for(rule: AuthorizationRule, port: int) -> bool:
    """Whether anything that the rule says of ports is met by this one."""
    return any(_all_met((*each, *rule.when), port) for each in rule.operations or ((),))


def _all_met(conditions: Conditions, port: int) -> bool:
    return all(_met(each, str(port)) for each in conditions if each.attribute is Attribute.DESTINATION_PORT)


def _met(condition: Condition, port: str) -> bool:
    return (not condition.values or port in condition.values) and port not in condition.not_values


def _unknown_namespaces(subject: Subject, policy: AuthorizationPolicy, rule: AuthorizationRule) -> Iterator[Diagnostic]:
    known = subject.namespaces.keys() | {key.namespace for key in subject.mesh.objects}
    for number, source in enumerate(rule.sources):
        path: Path = ("spec", "rules", rule.index, "from", number, "source", "namespaces")
        for condition in source:
            if condition.attribute is Attribute.SOURCE_NAMESPACE:
                missing = [each for each in condition.values if "*" not in each and each not in known]
                if missing:
                    reason = f"nothing is known of a namespace {', '.join(missing)}: nobody is of it"
                    yield subject.finding(policy.meta.key, path, Severity.WARNING, reason, "unknown-namespace")
