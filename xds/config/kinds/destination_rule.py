"""DestinationRule: what holds for the traffic to a host after it was routed there (Istio ``DestinationRule``)."""

from __future__ import annotations

from xds.config.document import RawObject
from xds.config.kinds.kind import ISTIO_NETWORKING, ISTIO_NETWORKING_VERSIONS, Context, Kind
from xds.config.kinds.names import Scope, parse_export_to
from xds.config.kinds.result import result
from xds.config.kinds.traffic_policy import honoured_below, parse_traffic_policy
from xds.config.reader import Reader
from xds.config.scalars import parse_dns_label
from xds.model.diagnostic import Diagnostic
from xds.model.labels import Labels
from xds.model.policy import DestinationRule, Subset

HONOURED = (
    frozenset({"spec.host", "spec.exportTo", "spec.workloadSelector.matchLabels"})
    | frozenset({"spec.subsets.name", "spec.subsets.labels"})
    | honoured_below("spec.trafficPolicy")
    | honoured_below("spec.subsets.trafficPolicy")
)


def parse(raw: RawObject, context: Context) -> tuple[DestinationRule | None, tuple[Diagnostic, ...]]:
    """The DestinationRule of a document; see :class:`~xds.config.kinds.kind.Kind`."""
    root = Reader(raw)
    spec = root.section("spec")
    scope = Scope.of(raw, context)
    if not spec.text("host"):
        spec.error("host", "is required", "missing-field")
    rule = DestinationRule(
        meta=raw.meta,
        host=spec.parsed("host", scope.host, ""),
        traffic_policy=parse_traffic_policy(spec),
        subsets=_subsets(spec),
        export_to=parse_export_to(spec, scope, context.destination_rule_export_to),
        workload_selector=_workload_selector(spec),
    )
    if rule.workload_selector is None:
        _check_credentials(root, rule)
    return result(root, rule)


def _check_credentials(root: Reader, rule: DestinationRule) -> None:
    policies = (rule.traffic_policy, *(subset.traffic_policy for subset in rule.subsets))
    levels = (level for policy in policies if policy is not None for level in (policy, *policy.port_level.values()))
    if any(level.tls is not None and level.tls.credential_name for level in levels):
        reason = "without a workloadSelector, credentialName holds at gateways only: sidecars send plain text"
        root.warning("spec", reason, "no-effect")


def _subsets(spec: Reader) -> tuple[Subset, ...]:
    subsets: dict[str, Subset] = {}
    for entry in spec.items("subsets"):
        name = entry.parsed("name", parse_dns_label, "")
        if not entry.text("name"):
            entry.error("name", "must not be empty", "missing-field")
        elif name and name in subsets:
            entry.error("name", f"{name} is already a subset of this object", "duplicate")
        subsets[name] = Subset(name, entry.origin, entry.labels("labels"), parse_traffic_policy(entry, of_subset=True))
    return tuple(subsets.values())


def _workload_selector(spec: Reader) -> Labels | None:
    selector = spec.child("workloadSelector")
    return None if selector is None else selector.labels("matchLabels")


KIND = Kind(
    name="DestinationRule",
    group=ISTIO_NETWORKING,
    versions=ISTIO_NETWORKING_VERSIONS,
    honoured=HONOURED,
    parse=parse,
)
