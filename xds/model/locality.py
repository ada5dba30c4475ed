"""How traffic is kept near, or spread over, the places where endpoints run (Istio ``LocalityLoadBalancerSetting``)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LocalityDistribution:
    """Where clients in ``from_`` send to: pairs of a locality and its share in percent.

    A locality is ``region/zone/subzone``; what is left out, or ``*`` at its end, stands for any.
    """

    from_: str
    to: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class LocalityFailover:
    """The region that clients in region ``from_`` prefer when theirs has no healthy endpoint."""

    from_: str
    to: str


@dataclass(frozen=True, slots=True)
class LocalityLbSetting:
    """Istio ``LocalityLoadBalancerSetting``, or its ``ZoneAwareLoadBalancerSetting``.

    zone_aware: it is the latter: endpoints rank by region alone, and within one Envoy itself keeps requests in a zone
    as far as its endpoints can bear it. min_cluster_size: with fewer endpoints it does not; None is Envoy's default, 6.
    failover_priority: names of labels, the most important first, in which an endpoint should agree with its client;
    or ``name=value``, for a value that the endpoint should have. always: without outlier detection too.
    """

    enabled: bool = True
    distribute: tuple[LocalityDistribution, ...] = ()
    failover: tuple[LocalityFailover, ...] = ()
    failover_priority: tuple[str, ...] = ()
    zone_aware: bool = False
    min_cluster_size: int | None = None
    always: bool = False
