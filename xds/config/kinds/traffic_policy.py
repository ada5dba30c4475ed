"""Istio ``TrafficPolicy``: what holds for the traffic to a service, a subset or one of their ports."""

from __future__ import annotations

from xds.config.kinds.client_tls import HONOURED_TLS, parse_client_tls
from xds.config.kinds.connection_pool import (
    HONOURED_POOL,
    HONOURED_RETRY_BUDGET,
    parse_connection_pool,
    parse_retry_budget,
)
from xds.config.kinds.connection_settings import (
    HONOURED_PROXY_PROTOCOL,
    HONOURED_TUNNEL,
    parse_proxy_protocol,
    parse_tunnel,
)
from xds.config.kinds.honoured import with_prefixes
from xds.config.kinds.load_balancer import HONOURED_LOAD_BALANCER, parse_load_balancer
from xds.config.kinds.locality import HONOURED_LOCALITY, HONOURED_ZONE_AWARE
from xds.config.kinds.names import parse_port_number, parse_whole_percentage
from xds.config.reader import Reader
from xds.model.policy import OutlierDetection, TrafficPolicy

HONOURED_OUTLIER = (
    "consecutive5xxErrors consecutiveGatewayErrors splitExternalLocalOriginErrors consecutiveLocalOriginFailures"
    " interval baseEjectionTime maxEjectionPercent minHealthPercent outlierDetectionHttpErrorCodes"
)
"""The honoured fields of outlier detection, for a kind's list."""


def honoured_below(prefix: str) -> frozenset[str]:
    """The honoured fields of a traffic policy at the dotted path ``prefix``, and of its port-level settings."""
    ports = f"{prefix}.portLevelSettings"
    of_all_ports = with_prefixes(
        {
            f"{prefix}.retryBudget": HONOURED_RETRY_BUDGET,
            f"{prefix}.proxyProtocol": HONOURED_PROXY_PROTOCOL,
            f"{prefix}.tunnel": HONOURED_TUNNEL,
        }
    )
    return of_all_ports | _honoured_settings(prefix) | _honoured_settings(ports) | {f"{ports}.port.number"}


def _honoured_settings(prefix: str) -> frozenset[str]:
    return with_prefixes(
        {
            f"{prefix}.loadBalancer": HONOURED_LOAD_BALANCER,
            f"{prefix}.loadBalancer.localityLbSetting": HONOURED_LOCALITY,
            f"{prefix}.loadBalancer.zoneAwareLbSetting": HONOURED_ZONE_AWARE,
            f"{prefix}.connectionPool": HONOURED_POOL,
            f"{prefix}.outlierDetection": HONOURED_OUTLIER,
            f"{prefix}.tls": HONOURED_TLS,
        }
    )


def parse_traffic_policy(reader: Reader, *, of_subset: bool = False) -> TrafficPolicy | None:
    """``trafficPolicy`` of a rule or of a subset, which inherits from the rule; None if absent."""
    policy = reader.child("trafficPolicy")
    if policy is None:
        return None
    found = _settings(policy, _port_level(policy))
    if not of_subset:
        _check_failover(policy, found)
    return found


def parse_default_traffic_policy(reader: Reader) -> TrafficPolicy | None:
    """``defaultTrafficPolicy`` of the mesh, which has two blocks; None if absent."""
    policy = reader.child("defaultTrafficPolicy")
    if policy is None:
        return None
    return TrafficPolicy(connection_pool=parse_connection_pool(policy), outlier_detection=_outlier_detection(policy))


def _port_level(policy: Reader) -> dict[int, TrafficPolicy]:
    found: dict[int, TrafficPolicy] = {}
    for entry in policy.items("portLevelSettings"):
        port = entry.section("port")
        number = parse_port_number(port, "number")
        if number is None:
            port.error("number", "is required", "missing-field")
        elif number in found:
            port.error("number", f"port {number} is already listed", "duplicate")
        else:
            found[number] = _settings(entry, {})
            _check_failover(entry, found[number])
    return found


def _settings(policy: Reader, port_level: dict[int, TrafficPolicy]) -> TrafficPolicy:
    return TrafficPolicy(
        load_balancer=parse_load_balancer(policy),
        connection_pool=parse_connection_pool(policy),
        outlier_detection=_outlier_detection(policy),
        tls=parse_client_tls(policy),
        retry_budget=parse_retry_budget(policy),
        proxy_protocol=parse_proxy_protocol(policy),
        tunnel=parse_tunnel(policy),
        port_level=port_level,
    )


def _check_failover(reader: Reader, policy: TrafficPolicy) -> None:
    locality = policy.load_balancer.locality if policy.load_balancer else None
    if locality is not None and (locality.failover or locality.failover_priority) and not policy.outlier_detection:
        path = ("loadBalancer", "zoneAwareLbSetting" if locality.zone_aware else "localityLbSetting")
        reader.warning(path, "there is no failover without outlierDetection", "no-effect")


def _outlier_detection(policy: Reader) -> OutlierDetection | None:
    outlier = policy.child("outlierDetection")
    if outlier is None:
        return None
    split = outlier.flag("splitExternalLocalOriginErrors")
    if outlier.integer("consecutiveLocalOriginFailures") and not split:
        reason = "needs splitExternalLocalOriginErrors: true"
        outlier.error("consecutiveLocalOriginFailures", reason, "conflicting-fields")
    return OutlierDetection(
        consecutive_5xx_errors=outlier.integer("consecutive5xxErrors", None),
        consecutive_gateway_errors=outlier.integer("consecutiveGatewayErrors", None),
        split_external_local_origin_errors=split,
        consecutive_local_origin_failures=outlier.integer("consecutiveLocalOriginFailures", None),
        interval=outlier.duration("interval"),
        base_ejection_time=outlier.duration("baseEjectionTime"),
        max_ejection_percent=parse_whole_percentage(outlier, "maxEjectionPercent") or None,
        min_health_percent=parse_whole_percentage(outlier, "minHealthPercent") or 0,
        http_error_codes=outlier.integers("outlierDetectionHttpErrorCodes"),
    )
