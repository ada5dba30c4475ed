"""How Envoy parts traffic among the endpoints of a cluster that are there, by priority, locality and weight.

This is what holds on average, at rest: no host ejected, no request that is still under way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from envoy_data_plane.envoy.config.core.v3 import HealthStatus
from envoy_data_plane.envoy.config.endpoint.v3 import ClusterLoadAssignment, LbEndpoint, LocalityLbEndpoints

from xds.explain.result import PLAIN_TEXT, EndpointShare, Spoken

_OVERPROVISIONING = 140
_PANIC = 50.0
_HEALTHY = (HealthStatus.UNKNOWN, HealthStatus.HEALTHY)


def _in_plain_text(_: LbEndpoint) -> Spoken:
    return PLAIN_TEXT


@dataclass(frozen=True, slots=True)
class Balancing:
    """What a cluster says about it. panic: the percentage of healthy endpoints below which all get traffic."""

    by_locality: bool = False
    panic: float = _PANIC


def endpoint_shares(
    assignment: ClusterLoadAssignment, balancing: Balancing, spoken: Callable[[LbEndpoint], Spoken] = _in_plain_text
) -> tuple[EndpointShare, ...]:
    """Every endpoint with its share of the traffic; all are 0 if none can be used. spoken: how one is spoken to."""
    factor = assignment.policy.overprovisioning_factor if assignment.policy is not None else None
    overprovisioning = factor or _OVERPROVISIONING
    priorities = _by_priority(assignment)
    health = [_health(group, overprovisioning) for group in priorities]
    loads = _loads(health)
    shares: list[EndpointShare] = []
    for group, load in zip(priorities, loads, strict=True):
        panicking = sum(health) < 100 and _percentage(group) < balancing.panic
        for endpoint, share, remark in _within(group, load, balancing, overprovisioning, panicking=panicking):
            shares.append(EndpointShare(address_of(endpoint), share, remark, spoken(endpoint)))
    return tuple(shares)


def _by_priority(assignment: ClusterLoadAssignment) -> list[list[LocalityLbEndpoints]]:
    groups: dict[int, list[LocalityLbEndpoints]] = {}
    for locality in assignment.endpoints:
        groups.setdefault(locality.priority, []).append(locality)
    return [groups[priority] for priority in sorted(groups)]


def _is_healthy(endpoint: LbEndpoint) -> bool:
    return endpoint.health_status in _HEALTHY


def _percentage(group: Sequence[LocalityLbEndpoints]) -> float:
    endpoints = [endpoint for locality in group for endpoint in locality.lb_endpoints]
    return 100 * sum(map(_is_healthy, endpoints)) / len(endpoints) if endpoints else 0.0


def _health(group: Sequence[LocalityLbEndpoints], overprovisioning: int) -> int:
    """0 to 100: how much of all traffic the endpoints of a priority can take."""
    return min(100, int(_percentage(group) * overprovisioning / 100))


def _loads(health: Sequence[int]) -> list[float]:
    """0 to 1: the share of each priority, the first of them as much as it can take."""
    total = min(100, sum(health))
    if not total:
        return [1.0 if index == 0 else 0.0 for index in range(len(health))]
    left, loads = 100.0, []
    for each in health:
        loads.append(min(left, each * 100 / total))
        left -= loads[-1]
    return [load / 100 for load in loads]


def _within(
    group: Sequence[LocalityLbEndpoints],
    load: float,
    balancing: Balancing,
    overprovisioning: int,
    *,
    panicking: bool,
) -> Iterator[tuple[LbEndpoint, float, str]]:
    """The endpoints of one priority, which has this share of everything, each with its own, and what is special."""
    weights = [
        [_weight(endpoint) if panicking or _is_healthy(endpoint) else 0 for endpoint in locality.lb_endpoints]
        for locality in group
    ]
    if balancing.by_locality:
        parts = [_locality_weight(locality, overprovisioning, panicking=panicking) for locality in group]
        totals = [sum(each) for each in weights]
    else:
        parts = [float(sum(each)) for each in weights]
        totals = [sum(each) for each in weights]
    whole = sum(part for part, total in zip(parts, totals, strict=True) if total)
    for locality, part, total, own in zip(group, parts, totals, weights, strict=True):
        for endpoint, weight in zip(locality.lb_endpoints, own, strict=True):
            share = load * part / whole * weight / total if total and whole else 0.0
            yield endpoint, share, _remark(locality, endpoint)


def _weight(endpoint: LbEndpoint) -> int:
    return endpoint.load_balancing_weight or 1


def _locality_weight(locality: LocalityLbEndpoints, overprovisioning: int, *, panicking: bool) -> float:
    """Less than it says if too few of its endpoints are healthy."""
    healthy = 100.0 if panicking else _percentage([locality])
    return (locality.load_balancing_weight or 0) * min(1.0, healthy * overprovisioning / 10_000)


def address_of(endpoint: LbEndpoint) -> str:
    """``ip:port``, ``[ipv6]:port``, a name, or the path of a socket."""
    address = endpoint.endpoint.address if endpoint.endpoint is not None else None
    if address is not None and address.pipe is not None:
        return address.pipe.path
    socket = address.socket_address if address is not None else None
    if socket is None:
        return endpoint.endpoint_name or ""
    host = f"[{socket.address}]" if ":" in socket.address else socket.address
    return f"{host}:{socket.port_value or 0}"


def _remark(locality: LocalityLbEndpoints, endpoint: LbEndpoint) -> str:
    where = locality.locality
    parts = [
        "/".join(filter(None, (where.region, where.zone, where.sub_zone))) if where is not None else "",
        f"priority {locality.priority}" if locality.priority else "",
        "" if _is_healthy(endpoint) else (HealthStatus(endpoint.health_status).name or "").lower(),
    ]
    return ", ".join(filter(None, parts))
