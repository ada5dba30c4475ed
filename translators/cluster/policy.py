"""Which traffic policy holds for one port of a service or subset (Istio DestinationRule precedence)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from translators.cluster.baseline import completed, completed_pool
from xds.model.policy import (
    ClientTLSSettings,
    ConnectionPoolSettings,
    LoadBalancerSettings,
    OutlierDetection,
    ProxyProtocol,
    RetryBudget,
    Subset,
    TrafficPolicy,
    TunnelSettings,
)
from xds.model.view import EffectiveRule


@dataclass(frozen=True, slots=True)
class PortPolicy:
    """The blocks of a traffic policy after all levels have been applied. None: Istio's defaults."""

    load_balancer: LoadBalancerSettings | None = None
    connection_pool: ConnectionPoolSettings | None = None
    outlier_detection: OutlierDetection | None = None
    tls: ClientTLSSettings | None = None
    retry_budget: RetryBudget | None = None
    proxy_protocol: ProxyProtocol | None = None
    tunnel: TunnelSettings | None = None


_DEFAULT = PortPolicy()


def port_policy(rule: EffectiveRule | None, subset: Subset | None, port: int) -> PortPolicy:
    """The policy for ``port``: a subset overrides the service block by block, a port level replaces its own."""
    if rule is None:
        return _DEFAULT
    whole = _overridden(_DEFAULT, rule.traffic_policy, port)
    policy = whole if subset is None else _overridden(whole, subset.traffic_policy, port)
    return policy if rule.baseline is None else _completed(policy, rule.baseline)


def _overridden(base: PortPolicy, policy: TrafficPolicy | None, port: int) -> PortPolicy:
    if policy is None:
        return base
    whole = PortPolicy(
        load_balancer=policy.load_balancer or base.load_balancer,
        connection_pool=policy.connection_pool or base.connection_pool,
        outlier_detection=policy.outlier_detection or base.outlier_detection,
        tls=policy.tls or base.tls,
        retry_budget=policy.retry_budget or base.retry_budget,
        proxy_protocol=policy.proxy_protocol or base.proxy_protocol,
        tunnel=policy.tunnel or base.tunnel,
    )
    level = policy.port_level.get(port)
    if level is None:
        return whole
    return replace(
        whole,
        load_balancer=level.load_balancer,
        connection_pool=level.connection_pool,
        outlier_detection=level.outlier_detection,
        tls=level.tls,
    )


def _completed(policy: PortPolicy, baseline: TrafficPolicy) -> PortPolicy:
    """Istio: what a block leaves open is as the mesh has it."""
    return replace(
        policy,
        connection_pool=completed_pool(policy.connection_pool, baseline.connection_pool),
        outlier_detection=completed(policy.outlier_detection, baseline.outlier_detection),
    )
