"""Istio ``LocalityLoadBalancerSetting``, in a DestinationRule and for the whole mesh."""

from __future__ import annotations

from itertools import combinations
from typing import Final

from xds.config.reader import Reader
from xds.model.locality import LocalityDistribution, LocalityFailover, LocalityLbSetting

HONOURED_LOCALITY: Final = "enabled distribute.from distribute.to failover.from failover.to failoverPriority"
"""The honoured fields of a locality setting, for a kind's list."""

_TOPOLOGY: Final = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone")


HONOURED_ZONE_AWARE: Final = "enabled failover.from failover.to failoverPriority minClusterSize"
"""The honoured fields of a zone-aware setting, for a kind's list."""


def parse_load_balancer_locality(balancer: Reader) -> LocalityLbSetting | None:
    """What a load balancer says about localities: ``zoneAwareLbSetting``, or else ``localityLbSetting``."""
    zones = _zone_aware(balancer)
    if zones is None:
        return parse_locality_setting(balancer)
    if balancer.has("localityLbSetting"):
        balancer.error("zoneAwareLbSetting", "cannot be given together with localityLbSetting", "conflicting-fields")
    return zones


def _zone_aware(balancer: Reader) -> LocalityLbSetting | None:
    """None if it is absent or turned off: then it leaves in force what there is otherwise."""
    setting = balancer.child("zoneAwareLbSetting")
    if setting is None or not setting.flag("enabled", True):
        return None
    for index, label in enumerate(setting.strings("failoverPriority")):
        if label.partition("=")[0] in _TOPOLOGY:
            reason = f"{label}: regions and zones are always taken into account"
            setting.error(("failoverPriority", index), reason, "conflicting-fields")
    return LocalityLbSetting(
        failover=tuple(map(_failover, setting.items("failover"))),
        failover_priority=setting.strings("failoverPriority"),
        zone_aware=True,
        min_cluster_size=setting.integer("minClusterSize", None),
    )


def parse_locality_setting(parent: Reader) -> LocalityLbSetting | None:
    """``localityLbSetting`` of a load balancer or of the mesh; None if absent."""
    setting = parent.child("localityLbSetting")
    if setting is None:
        return None
    priorities = setting.strings("failoverPriority")
    if setting.items("distribute") and setting.items("failover"):
        setting.error("failover", "cannot be given together with distribute", "conflicting-fields")
    for index, label in enumerate(priorities if setting.items("failover") else ()):
        if label in _TOPOLOGY:
            reason = f"{label} cannot be given together with failover"
            setting.error(("failoverPriority", index), reason, "conflicting-fields")
    return LocalityLbSetting(
        enabled=setting.flag("enabled", True),
        distribute=_distribute(setting),
        failover=tuple(map(_failover, setting.items("failover"))),
        failover_priority=priorities,
    )


def _distribute(setting: Reader) -> tuple[LocalityDistribution, ...]:
    rules = setting.items("distribute")
    for rule in rules:
        _check_pattern(rule, "from", rule.text("from"))
    for one, other in combinations(rules, 2):
        if _overlap(one.text("from"), other.text("from")):
            other.error("from", f"{other.text('from')!r} overlaps with {one.text('from')!r}", "duplicate")
    return tuple(LocalityDistribution(rule.text("from"), _shares(rule)) for rule in rules)


def _shares(rule: Reader) -> tuple[tuple[str, int], ...]:
    shares = tuple(rule.integer_map("to").items())
    for locality, share in shares:
        _check_pattern(rule, ("to", locality), locality)
        if not 1 <= share <= 100:
            rule.error(("to", locality), f"{share} is not from 1 to 100", "out-of-range")
    for (one, _), (other, _) in combinations(shares, 2):
        if _overlap(one, other):
            rule.error(("to", other), f"{other!r} overlaps with {one!r}", "duplicate")
    total = sum(share for _, share in shares)
    if total != 100:
        rule.error("to", f"the shares add up to {total}, not to 100", "out-of-range")
    return shares


def _check_pattern(reader: Reader, path: str | tuple[str, ...], pattern: str) -> None:
    parts = pattern.split("/")
    if not all(parts) or len(parts) > 3 or "*" in "".join(parts[:-1]) or ("*" in parts[-1] and parts[-1] != "*"):
        reader.error(path, f"{pattern!r} is not region/zone/subzone, of which the last part may be *", "invalid-value")


def _overlap(one: str, other: str) -> bool:
    shorter, longer = sorted((_fixed(one), _fixed(other)), key=len)
    return longer[: len(shorter)] == shorter


def _fixed(pattern: str) -> list[str]:
    """The parts that a locality must have."""
    return [part for part in pattern.split("/") if part != "*"]


def _failover(rule: Reader) -> LocalityFailover:
    for name in ("from", "to"):
        region = rule.text(name)
        if not region or "/" in region or "*" in region:
            rule.error(name, f"{region!r} is not a region", "invalid-value")
    if rule.text("from") == rule.text("to"):
        rule.error("to", "must be another region than from", "conflicting-fields")
    return LocalityFailover(rule.text("from"), rule.text("to"))
