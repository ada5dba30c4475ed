"""Which endpoints a client prefers by where they run, and what clients share."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.translators import kit
from translators import DEFAULT, clusters, endpoints
from translators.cluster.placement import Placement, placement
from xds.model.labels import Labels
from xds.model.locality import LocalityDistribution, LocalityFailover, LocalityLbSetting
from xds.model.mesh import Mesh
from xds.model.policy import LoadBalancerSettings, OutlierDetection, TrafficPolicy
from xds.model.proxy import Proxy
from xds.model.services import Endpoint, Locality, Resolution, ServiceInstance, Workload
from xds.model.settings import MeshSettings
from xds.pipeline import Memo, Pipeline, view_key

REVIEWS = kit.service("reviews")
NAME = "outbound|80||reviews.default.svc.cluster.local"
HERE = Locality("eu", "eu-1", "rack-1")
PLACES = ("eu/eu-1/rack-1", "eu/eu-1/rack-2", "eu/eu-2", "us/us-1", "asia/asia-1")
GROUP = [
    Endpoint(f"10.0.0.{number}", 80, Labels({"version": f"v{number % 2}"}), Locality.parse(place))
    for number, place in enumerate(PLACES, 1)
]
CLIENT = replace(kit.SIDECAR, locality=HERE, labels=Labels({"version": "v1"}))


def policy(setting: LocalityLbSetting | None, *, outlier: bool = True) -> TrafficPolicy:
    return TrafficPolicy(
        load_balancer=LoadBalancerSettings(locality=setting) if setting is not None else None,
        outlier_detection=OutlierDetection() if outlier else None,
    )


def mesh(policy: TrafficPolicy | None, settings: MeshSettings | None = None) -> Mesh:
    rules = [kit.rule(REVIEWS, policy)] if policy is not None else []
    return kit.mesh([REVIEWS], [kit.endpoints(REVIEWS, *GROUP)], rules, settings=settings)


def ranks(mesh: Mesh, client: Proxy = CLIENT) -> dict[str, list[tuple[int, int | None]]]:
    """By region, zone and subzone: priority and weight of each group."""
    found = kit.decoded_assignments(kit.resources(endpoints.translate, kit.view(mesh, client)))[NAME]
    groups: dict[str, list[tuple[int, int | None]]] = {}
    for group in found.endpoints:
        assert group.locality is not None
        place = "/".join(filter(None, (group.locality.region, group.locality.zone, group.locality.sub_zone)))
        groups.setdefault(place, []).append((group.priority, group.load_balancing_weight))
    return groups


def priorities(mesh: Mesh, client: Proxy = CLIENT) -> list[int]:
    """Of the places in order."""
    found = ranks(mesh, client)
    return [found[place][0][0] for place in PLACES]


class TestFailover:
    def test_the_nearer_the_better(self) -> None:
        assert priorities(mesh(policy(None))) == [0, 1, 2, 3, 3]

    def test_a_region_can_have_a_refuge(self) -> None:
        setting = LocalityLbSetting(failover=(LocalityFailover("us", "eu"), LocalityFailover("eu", "asia")))
        assert priorities(mesh(policy(setting))) == [0, 1, 2, 4, 3]

    def test_priorities_have_no_gaps(self) -> None:
        client = replace(CLIENT, locality=Locality("us", "us-9"))
        assert priorities(mesh(policy(None)), client) == [1, 1, 1, 0, 1]

    def test_without_outlier_detection_there_is_none(self) -> None:
        assert priorities(mesh(policy(LocalityLbSetting(), outlier=False))) == [0, 0, 0, 0, 0]

    @pytest.mark.parametrize("mesh_wide", [True, False])
    def test_it_can_be_turned_off(self, mesh_wide: bool) -> None:
        off = LocalityLbSetting(enabled=False)
        rule = policy(None if mesh_wide else off)
        assert priorities(mesh(rule, MeshSettings(locality=off if mesh_wide else LocalityLbSetting()))) == [0] * 5

    def test_a_rule_beats_the_mesh(self) -> None:
        settings = MeshSettings(locality=LocalityLbSetting(enabled=False))
        assert priorities(mesh(policy(LocalityLbSetting()), settings)) == [0, 1, 2, 3, 3]

    def test_a_workload_says_where_its_proxy_is(self) -> None:
        workload = Workload(kit.meta("WorkloadEntry", "client"), "10.9.9.9", Labels(), locality=HERE)
        registered = replace(mesh(policy(None)), workloads={"10.9.9.9": workload})
        assert priorities(registered, kit.SIDECAR) == [0, 1, 2, 3, 3]


class TestFailoverPriority:
    def test_labels_count_from_the_first(self) -> None:
        setting = LocalityLbSetting(failover_priority=("version", "topology.kubernetes.io/region"))
        assert priorities(mesh(policy(setting))) == [0, 2, 0, 2, 1]

    def test_a_value_can_be_asked_for(self) -> None:
        assert priorities(mesh(policy(LocalityLbSetting(failover_priority=("version=v0",))))) == [1, 0, 1, 0, 1]

    def test_a_locality_is_split(self) -> None:
        group = [replace(endpoint, locality=HERE, weight=index) for index, endpoint in enumerate(GROUP, 1)]
        rule = kit.rule(REVIEWS, policy(LocalityLbSetting(failover_priority=("version",))))
        found = ranks(kit.mesh([REVIEWS], [kit.endpoints(REVIEWS, *group)], [rule]))
        assert found == {"eu/eu-1/rack-1": [(0, 9), (1, 6)]}

    def test_regions_follow_labels(self) -> None:
        setting = LocalityLbSetting(failover=(LocalityFailover("eu", "us"),), failover_priority=("version",))
        assert priorities(mesh(policy(setting))) == [0, 3, 1, 4, 2]


class TestZoneAwareness:
    def test_regions_rank_without_outlier_detection(self) -> None:
        assert priorities(mesh(policy(LocalityLbSetting(zone_aware=True), outlier=False))) == [0, 0, 0, 1, 1]

    def test_a_refuge_and_labels_order_the_rest(self) -> None:
        refuge = (LocalityFailover("eu", "asia"),)
        assert priorities(mesh(policy(LocalityLbSetting(zone_aware=True, failover=refuge)))) == [0, 0, 0, 2, 1]
        labels = LocalityLbSetting(zone_aware=True, failover_priority=("version",))
        assert priorities(mesh(policy(labels))) == [0, 2, 0, 3, 1]

    def test_clients_of_a_region_share_assignments(self) -> None:
        near, memo = replace(CLIENT, locality=Locality("eu", "eu-2")), Memo()
        made = mesh(policy(LocalityLbSetting(zone_aware=True)))
        one, other = (kit.resources(endpoints.translate, kit.view(made, p, memo), memo) for p in (CLIENT, near))
        assert one[NAME] is other[NAME]


class TestSelfDiscovery:
    ASKING = replace(CLIENT, self_discovery=True)

    def test_a_client_that_asks_is_told_where_its_own_service_is(self) -> None:
        own = {"10.9.9.9": (ServiceInstance(REVIEWS.key, REVIEWS.ports[0], 80),)}
        made = replace(mesh(policy(LocalityLbSetting())), instances=own)
        found = kit.decoded_assignments(kit.resources(endpoints.translate, kit.view(made, self.ASKING)))
        places = [(group.locality, group.priority) for group in found["local_cluster"].endpoints]
        assert len(places) == 5
        assert {priority for _, priority in places} == {0}
        assert "local_cluster" not in kit.resources(endpoints.translate, kit.view(made, CLIENT))

    def test_one_without_a_service_is_answered_too(self) -> None:
        found = kit.decoded_assignments(kit.resources(endpoints.translate, kit.view(mesh(None), self.ASKING)))
        assert found["local_cluster"].endpoints == []


class TestDistribute:
    SETTING = LocalityLbSetting(
        distribute=(
            LocalityDistribution("us", (("us", 100),)),
            LocalityDistribution("eu/eu-1/*", (("eu/*", 70), ("us/us-1", 30))),
        )
    )

    def test_shares_need_no_outlier_detection(self) -> None:
        found = ranks(mesh(policy(self.SETTING, outlier=False)))
        assert found == {
            "eu/eu-1/rack-1": [(0, 24)],
            "eu/eu-1/rack-2": [(0, 24)],
            "eu/eu-2": [(0, 24)],
            "us/us-1": [(0, 30)],
        }

    def test_clients_elsewhere_are_not_concerned(self) -> None:
        assert len(ranks(mesh(policy(self.SETTING)), replace(CLIENT, locality=Locality("asia")))) == 5

    def test_the_mesh_can_distribute(self) -> None:
        assert "asia/asia-1" not in ranks(mesh(None, MeshSettings(locality=self.SETTING)))


def test_endpoints_that_envoy_resolves_rank_as_well() -> None:
    service = replace(kit.service_entry("a.example.com"), resolution=Resolution.DNS)
    group = [replace(each, address=f"host{index}.example.com") for index, each in enumerate(GROUP)]
    made = kit.mesh([service], [kit.endpoints(service, *group)], [kit.rule(service, policy(None))])
    found = kit.decoded_clusters(kit.resources(clusters.translate, kit.view(made, CLIENT)))
    cluster = found["outbound|80||a.example.com"]
    assert cluster.load_assignment is not None
    assert sorted(group.priority for group in cluster.load_assignment.endpoints) == [0, 1, 2, 3, 3]


class TestSharing:
    """Where a proxy runs matters only if what it gets depends on it."""

    ELSEWHERE = replace(CLIENT, locality=Locality("us", "us-1"))

    @pytest.mark.parametrize(
        "policy",
        [None, policy(None, outlier=False), policy(LocalityLbSetting(enabled=False))],
        ids=["no rule", "no outlier detection", "turned off"],
    )
    def test_proxies_of_all_places_share_a_view(self, policy: TrafficPolicy | None) -> None:
        pipeline, made = Pipeline(DEFAULT), mesh(policy)
        assert pipeline.compile(made, CLIENT) is pipeline.compile(made, self.ELSEWHERE)

    @pytest.mark.parametrize("setting", [LocalityLbSetting(), TestDistribute.SETTING])
    def test_proxies_of_different_places_do_not(self, setting: LocalityLbSetting) -> None:
        pipeline, made = Pipeline(DEFAULT), mesh(policy(setting))
        one, other = pipeline.compile(made, CLIENT), pipeline.compile(made, self.ELSEWHERE)
        assert one is not other
        assert pipeline.compile(made, replace(CLIENT, id="another")) is one

    def test_a_subset_may_depend_on_it_alone(self) -> None:
        own = kit.subset("v1", policy(LocalityLbSetting()))
        off = policy(LocalityLbSetting(enabled=False))
        made = kit.mesh([REVIEWS], rules=[kit.rule(REVIEWS, off, own)])
        assert view_key(made, CLIENT, Memo()).locality == HERE
        assert view_key(mesh(off), CLIENT, Memo()).locality == Locality()

    def test_what_does_not_rank_is_shared_all_the_same(self) -> None:
        plain = kit.service("plain")
        made = kit.mesh([REVIEWS, plain], [kit.endpoints(plain, "10.0.0.1")], [kit.rule(REVIEWS, policy(None))])
        memo = Memo()
        one, other = (
            kit.resources(endpoints.translate, kit.view(made, p, memo), memo) for p in (CLIENT, self.ELSEWHERE)
        )
        name = f"outbound|80||{plain.hostname}"
        assert one[name] is other[name]

    def test_clients_for_which_a_rule_means_the_same_share_assignments(self) -> None:
        near, memo = replace(CLIENT, locality=Locality("eu", "eu-1", "rack-7")), Memo()
        made = mesh(policy(TestDistribute.SETTING))
        one, other = (kit.resources(endpoints.translate, kit.view(made, p, memo), memo) for p in (CLIENT, near))
        assert one[NAME] is other[NAME]

    def test_equal_placements_are_one(self) -> None:
        key = view_key(mesh(policy(None)), CLIENT, Memo())
        found = placement(LocalityLbSetting(), key)
        assert found == Placement(near=HERE)
        assert placement(LocalityLbSetting(), replace(key, labels=Labels())) is found

    def test_an_endpoint_that_changes_costs_its_own_service_only(self) -> None:
        services = [kit.service(f"s{number:02}") for number in range(40)]
        rules = [kit.rule(service, policy(None)) for service in services]
        base = kit.mesh(services, [kit.endpoints(service, *GROUP) for service in services], rules)
        memo = Memo()
        before = kit.resources(endpoints.translate, kit.view(base, CLIENT, memo), memo)
        moved = replace(base, endpoints={**base.endpoints, services[7].key: kit.endpoints(services[7], *GROUP[1:])})
        after = kit.resources(endpoints.translate, kit.view(moved, CLIENT, memo), memo)
        changed = {name for name in before if before[name] is not after[name]}
        assert changed == {"outbound|80||s07.default.svc.cluster.local"}
