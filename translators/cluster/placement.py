"""Which endpoints a client prefers by where they run, and how many requests each place gets.

Source: Istio's ``pilot/pkg/networking/core/loadbalancer``. What a rule says is reduced to what it means for
one client, a `Placement`: clients for which it means the same share their assignments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil

from translators.cluster.policy import PortPolicy
from xds.model.labels import Labels
from xds.model.locality import LocalityLbSetting
from xds.model.policy import locality_setting
from xds.model.services import Locality
from xds.model.view import ViewKey

_REGION, _ZONE, _SUBZONE = "topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"
_LEVELS = 5
"""Ranks by locality: the same subzone, zone, region; another region; one that the failover rule does not name."""


@dataclass(frozen=True, slots=True, eq=False)
class EncodedEndpoint:
    """An endpoint as Envoy gets it, with what assignments choose and group by. body: an encoded ``LbEndpoint``."""

    labels: Labels
    locality: Locality
    weight: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Group:
    """Endpoints of one locality and priority (Envoy ``LocalityLbEndpoints``). Priority 0 is the best."""

    locality: Locality
    endpoints: tuple[EncodedEndpoint, ...]
    weight: int
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Placement:
    """What a locality setting means for one client. Equal ones are the same object.

    shares: localities and their percentages; nothing else gets traffic. wanted: pairs of label and value; the more of
    them an endpoint has, counted from the first, the better. near: the client's own locality, if endpoints rank by
    their distance to it; by_region: only whether they are in its region counts. refuge: the region that is preferred
    among others, empty for none.
    """

    shares: tuple[tuple[str, int], ...] = ()
    wanted: tuple[tuple[str, str], ...] = ()
    near: Locality | None = None
    by_region: bool = False
    refuge: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Rankings:
    """The settings by which the endpoints of each cluster of a service rank. Equal ones are the same object."""

    settings: tuple[LocalityLbSetting | None, ...]

    def __bool__(self) -> bool:
        """True if those of any do."""
        return any(self.settings)


def rankings(policies: Iterable[PortPolicy], mesh: LocalityLbSetting) -> Rankings:
    """How the endpoints of clusters with these policies rank."""
    return _rankings(
        tuple(locality_setting(policy.load_balancer, policy.outlier_detection, mesh) for policy in policies)
    )


@lru_cache(maxsize=4096)
def _rankings(settings: tuple[LocalityLbSetting | None, ...]) -> Rankings:
    return Rankings(settings)


def placements(rankings: Rankings, client: ViewKey) -> tuple[Placement | None, ...]:
    """What each setting means for a client; empty if for this one nothing ranks. Equal ones are the same object."""
    found = tuple(placement(setting, client) for setting in rankings.settings)
    return _same_group(found if any(found) else ())


@lru_cache(maxsize=4096)
def _same_group(placements: tuple[Placement | None, ...]) -> tuple[Placement | None, ...]:
    return placements


def placement(setting: LocalityLbSetting | None, client: ViewKey) -> Placement | None:
    """What ``setting`` means for a client; None if its endpoints are all alike."""
    if setting is None:
        return None
    if setting.distribute:
        shares = next((rule.to for rule in setting.distribute if _matches(client.locality, rule.from_)), ())
        return _same(Placement(shares=shares)) if shares else None
    wanted = tuple(_wanted(setting.failover_priority, client))
    if wanted and not setting.failover and not setting.zone_aware:
        return _same(Placement(wanted=wanted))
    near = Locality(client.locality.region) if setting.zone_aware else client.locality
    refuge = next((rule.to for rule in setting.failover if rule.from_ == near.region), "")
    return _same(Placement(wanted=wanted, near=near, by_region=setting.zone_aware, refuge=refuge))


@lru_cache(maxsize=4096)
def _same(placement: Placement) -> Placement:
    return placement


def _wanted(priorities: Iterable[str], client: ViewKey) -> Iterator[tuple[str, str]]:
    """The client's own value of each label, unless one is given."""
    for text in priorities:
        name, given, value = text.partition("=")
        yield name, value if given else _label(client.labels, client.locality, name)


def _label(labels: Mapping[str, str], locality: Locality, name: str) -> str:
    """A label of a workload. Where it runs counts as labels too, as in Istio; a label that is missing is empty."""
    topology = {_REGION: locality.region, _ZONE: locality.zone, _SUBZONE: locality.sub_zone}
    return topology.get(name) or labels.get(name, "")


def grouped(endpoints: Iterable[EncodedEndpoint], placement: Placement | None) -> list[Group]:
    """The endpoints by locality, in order, and by priority."""
    by_locality: dict[Locality, list[EncodedEndpoint]] = {}
    for endpoint in endpoints:
        by_locality.setdefault(endpoint.locality, []).append(endpoint)
    groups = [_group(locality, by_locality[locality]) for locality in sorted(by_locality)]
    if placement is None:
        return groups
    if placement.shares:
        return list(_distributed(groups, placement.shares))
    return _compacted([ranked for group in groups for ranked in _ranked(group, placement)])


def _group(locality: Locality, endpoints: Iterable[EncodedEndpoint], priority: int = 0) -> Group:
    """A locality weighs what its endpoints weigh together."""
    members = tuple(endpoints)
    return Group(locality, members, sum(endpoint.weight for endpoint in members), priority)


def _distributed(groups: list[Group], shares: tuple[tuple[str, int], ...]) -> Iterator[Group]:
    """The localities that get a share. Those that one pattern names divide it by their weights."""
    for group in groups:
        for pattern, share in shares:
            if _matches(group.locality, pattern):
                total = sum(each.weight for each in groups if _matches(each.locality, pattern))
                yield replace(group, weight=ceil(group.weight * share / total))


def _ranked(group: Group, placement: Placement) -> Iterator[Group]:
    """The endpoints of a locality by rank, which may leave gaps."""
    distance = _distance(group.locality, placement)
    if not placement.wanted:
        yield group if distance == 0 else Group(group.locality, group.endpoints, group.weight, distance)
        return
    by_rank: dict[int, list[EncodedEndpoint]] = {}
    for endpoint in group.endpoints:
        rank = _missing(endpoint, placement.wanted) * _LEVELS + distance
        by_rank.setdefault(rank, []).append(endpoint)
    yield from (_group(group.locality, by_rank[rank], rank) for rank in sorted(by_rank))


def _missing(endpoint: EncodedEndpoint, wanted: tuple[tuple[str, str], ...]) -> int:
    """How many labels are left when the first one differs; 0 if all agree."""
    for index, (name, value) in enumerate(wanted):
        if _label(endpoint.labels, endpoint.locality, name) != value:
            return len(wanted) - index
    return 0


def _distance(endpoint: Locality, placement: Placement) -> int:
    client = placement.near
    if client is None:
        return 0
    if client.region != endpoint.region:
        return 4 if placement.refuge and endpoint.region != placement.refuge else 3
    if placement.by_region:
        return 0
    if client.zone != endpoint.zone:
        return 2
    return 1 if client.sub_zone != endpoint.sub_zone else 0


def _compacted(groups: list[Group]) -> list[Group]:
    """Envoy wants priorities without gaps."""
    ranks = {rank: priority for priority, rank in enumerate(sorted({group.priority for group in groups}))}
    if all(rank == priority for rank, priority in ranks.items()):
        return groups
    return [replace(group, priority=ranks[group.priority]) for group in groups]


def _matches(locality: Locality, pattern: str) -> bool:
    """Istio: what a pattern leaves out, or has ``*`` for, may be anything."""
    return all(part in ("", "*", found) for part, found in zip(Locality.parse(pattern), locality, strict=True))
