"""Which endpoint gets a request (Istio ``LoadBalancerSettings``)."""

from __future__ import annotations

from dataclasses import dataclass

from envoy_data_plane.envoy.config.cluster.v3 import (
    ClusterCommonLbConfig,
    ClusterCommonLbConfigLocalityWeightedLbConfig,
    ClusterCommonLbConfigZoneAwareLbConfig,
    ClusterLbPolicy,
    ClusterLeastRequestLbConfig,
    ClusterMaglevLbConfig,
    ClusterRingHashLbConfig,
    ClusterRoundRobinLbConfig,
    ClusterSlowStartConfig,
)
from envoy_data_plane.envoy.config.core.v3 import RuntimeDouble
from envoy_data_plane.envoy.type.v3 import Percent

from xds.model.locality import LocalityLbSetting
from xds.model.policy import (
    ConsistentHashLB,
    HashAlgorithm,
    LoadBalancerSettings,
    OutlierDetection,
    SimpleLB,
    Warmup,
)

_MINIMUM_RING_SIZE = 1024
_AGGRESSION_KEY = "upstream.slow_start.aggression"


@dataclass(frozen=True, slots=True)
class LoadBalancing:
    """The policy and its own settings; at most one of the latter is set (Envoy ``Cluster.lb_config``)."""

    policy: ClusterLbPolicy
    least_request: ClusterLeastRequestLbConfig | None = None
    round_robin: ClusterRoundRobinLbConfig | None = None
    ring_hash: ClusterRingHashLbConfig | None = None
    maglev: ClusterMaglevLbConfig | None = None


def load_balancing(settings: LoadBalancerSettings | None) -> LoadBalancing:
    """Istio's default is LEAST_REQUEST. Slow start exists for it and for ROUND_ROBIN only."""
    settings = settings or LoadBalancerSettings()
    if settings.consistent_hash is not None:
        return _consistent_hash(settings.consistent_hash)
    slow_start = _slow_start(settings.warmup) if settings.warmup is not None else None
    if settings.simple is SimpleLB.RANDOM:
        return LoadBalancing(ClusterLbPolicy.RANDOM)
    if settings.simple is SimpleLB.ROUND_ROBIN:
        config = ClusterRoundRobinLbConfig(slow_start_config=slow_start) if slow_start else None
        return LoadBalancing(ClusterLbPolicy.ROUND_ROBIN, round_robin=config)
    least = ClusterLeastRequestLbConfig(slow_start_config=slow_start) if slow_start else None
    return LoadBalancing(ClusterLbPolicy.LEAST_REQUEST, least_request=least)


def common_config(outlier: OutlierDetection | None, locality: LocalityLbSetting | None) -> ClusterCommonLbConfig:
    """With outlier detection, panic mode is off unless ``minHealthPercent`` asks for it.

    Istio: localities share by weight only where a rule says something about them, since the load balancer then chooses
    among the endpoints of one locality instead of all.
    """
    config = ClusterCommonLbConfig(
        healthy_panic_threshold=Percent(value=float(outlier.min_health_percent)) if outlier is not None else None
    )
    if locality is None:
        return config
    if locality.zone_aware:
        size = locality.min_cluster_size
        config.zone_aware_lb_config = ClusterCommonLbConfigZoneAwareLbConfig(min_cluster_size=size)
    elif locality.distribute or locality.failover or locality.failover_priority:
        config.locality_weighted_lb_config = ClusterCommonLbConfigLocalityWeightedLbConfig()
    return config


def _consistent_hash(settings: ConsistentHashLB) -> LoadBalancing:
    """What is hashed is up to the route."""
    if settings.algorithm is HashAlgorithm.MAGLEV:
        maglev = ClusterMaglevLbConfig(table_size=settings.size) if settings.size else None
        return LoadBalancing(ClusterLbPolicy.MAGLEV, maglev=maglev)
    ring = ClusterRingHashLbConfig(minimum_ring_size=settings.size or _MINIMUM_RING_SIZE)
    return LoadBalancing(ClusterLbPolicy.RING_HASH, ring_hash=ring)


def _slow_start(warmup: Warmup) -> ClusterSlowStartConfig:
    aggression = warmup.aggression
    minimum = warmup.minimum_percent
    return ClusterSlowStartConfig(
        slow_start_window=warmup.duration,
        aggression=RuntimeDouble(default_value=aggression, runtime_key=_AGGRESSION_KEY) if aggression else None,
        min_weight_percent=Percent(value=minimum) if minimum is not None else None,
    )
