"""Which endpoints the clusters of a proxy get."""

from __future__ import annotations

from dataclasses import replace

import pytest
from envoy_data_plane.envoy.config.core.v3 import HealthStatus
from envoy_data_plane.envoy.config.core.v3 import Locality as EnvoyLocality
from envoy_data_plane.envoy.config.endpoint.v3 import ClusterLoadAssignment, LbEndpoint

from tests.translators import kit
from translators import clusters, endpoints
from xds.model.labels import Labels
from xds.model.mesh import Mesh
from xds.model.policy import LoadBalancerSettings, SimpleLB, TrafficPolicy
from xds.model.proxy import Proxy
from xds.model.services import Endpoint, Health, Locality, Resolution
from xds.pipeline import Memo

REVIEWS = kit.service("reviews")
NAME = "outbound|80||reviews.default.svc.cluster.local"
V1 = "outbound|80|v1|reviews.default.svc.cluster.local"


def translated(mesh: Mesh, proxy: Proxy = kit.SIDECAR) -> dict[str, ClusterLoadAssignment]:
    return kit.decoded_assignments(kit.resources(endpoints.translate, kit.view(mesh, proxy)))


def of_reviews(*group: str | Endpoint) -> ClusterLoadAssignment:
    return translated(kit.mesh([REVIEWS], endpoints=[kit.endpoints(REVIEWS, *group)]))[NAME]


def addresses(assignment: ClusterLoadAssignment) -> list[str]:
    return [_address(endpoint) for locality in assignment.endpoints for endpoint in locality.lb_endpoints]


def _address(endpoint: LbEndpoint) -> str:
    assert endpoint.endpoint is not None
    assert endpoint.endpoint.address is not None
    if endpoint.endpoint.address.pipe is not None:
        return endpoint.endpoint.address.pipe.path
    assert endpoint.endpoint.address.socket_address is not None
    return f"{endpoint.endpoint.address.socket_address.address}:{endpoint.endpoint.address.socket_address.port_value}"


def single(endpoint: Endpoint) -> LbEndpoint:
    (locality,) = of_reviews(endpoint).endpoints
    (found,) = locality.lb_endpoints
    return found


def test_address_health_and_weight() -> None:
    endpoint = single(Endpoint("10.0.0.1", 9080))
    assert _address(endpoint) == "10.0.0.1:9080"
    assert endpoint.health_status is HealthStatus.HEALTHY
    assert endpoint.load_balancing_weight == 1
    assert endpoint.metadata is None


def test_subsets_have_the_endpoints_with_their_labels() -> None:
    group = [Endpoint(f"10.0.0.{n}", 80, Labels({"version": f"v{n}", "app": "reviews"})) for n in (1, 2)]
    rule = kit.rule(REVIEWS, None, kit.subset("v1"), kit.subset("v3"))
    found = translated(kit.mesh([REVIEWS], [kit.endpoints(REVIEWS, *group)], [rule]))
    assert addresses(found[NAME]) == ["10.0.0.1:80", "10.0.0.2:80"]
    assert addresses(found[V1]) == ["10.0.0.1:80"]
    assert found["outbound|80|v3|reviews.default.svc.cluster.local"].endpoints == []


@pytest.mark.parametrize("health", [Health.UNHEALTHY, Health.DRAINING])
def test_what_is_not_ready_is_not_sent(health: Health) -> None:
    assert addresses(of_reviews("10.0.0.1", Endpoint("10.0.0.2", 80, health=health))) == ["10.0.0.1:80"]


def test_an_assignment_exists_without_endpoints() -> None:
    assert translated(kit.mesh([REVIEWS]))[NAME] == ClusterLoadAssignment(cluster_name=NAME)


def test_localities_are_ordered_and_weigh_what_their_endpoints_weigh() -> None:
    zone_a, zone_b = Locality("r", "a"), Locality("r", "b", "s")
    group = [
        Endpoint("10.0.0.1", 80, locality=zone_b, weight=5),
        Endpoint("10.0.0.2", 80, locality=zone_a),
        Endpoint("10.0.0.3", 80, locality=zone_b),
        Endpoint("10.0.0.4", 80),
    ]
    nowhere, a, b = of_reviews(*group).endpoints
    assert nowhere.locality == EnvoyLocality()
    assert (a.locality.region, a.locality.zone) == ("r", "a") if a.locality else False
    assert (b.locality.zone, b.locality.sub_zone) == ("b", "s") if b.locality else False
    assert [group.load_balancing_weight for group in (nowhere, a, b)] == [1, 1, 6]
    assert [endpoint.load_balancing_weight for endpoint in b.lb_endpoints] == [5, 1]


@pytest.mark.parametrize("path", ["unix:///run/app.sock", "/run/app.sock"])
def test_unix_sockets(path: str) -> None:
    assert _address(single(Endpoint(path, 0))) == "/run/app.sock"


def test_metadata_describes_the_workload() -> None:
    labels = Labels({"app": "reviews", "version": "v1", "security.istio.io/tlsMode": "istio"})
    endpoint = single(Endpoint("10.0.0.1", 80, labels, namespace="default", workload="reviews-v1-abc"))
    assert endpoint.metadata is not None
    found = {name: struct.to_dict() for name, struct in endpoint.metadata.filter_metadata.items()}
    assert found == {
        "envoy.transport_socket_match": {"tlsMode": "istio"},
        "istio": {"workload": "reviews-v1-abc;default;reviews;v1;"},
    }


def test_endpoints_without_mesh_tls_are_not_marked() -> None:
    assert single(Endpoint("10.0.0.1", 80, Labels({"security.istio.io/tlsMode": "disabled"}))).metadata is None


def test_canonical_names_come_first() -> None:
    labels = {"app": "a", "app.kubernetes.io/name": "b", "service.istio.io/canonical-name": "c"}
    revision = {"version": "1", "service.istio.io/canonical-revision": "3"}
    endpoint = single(Endpoint("10.0.0.1", 80, Labels({**labels, **revision}), namespace="ns", workload="w"))
    assert endpoint.metadata is not None
    assert endpoint.metadata.filter_metadata["istio"].to_dict() == {"workload": "w;ns;c;3;"}


def test_assignments_are_for_the_clusters_that_ask_for_them() -> None:
    services = [
        REVIEWS,
        replace(kit.service("headless"), headless=True),
        replace(kit.service_entry("dns.example.com"), resolution=Resolution.DNS),
        replace(kit.service_entry("none.example.com"), resolution=Resolution.NONE),
        kit.service("passthrough"),
    ]
    passthrough = TrafficPolicy(load_balancer=LoadBalancerSettings(SimpleLB.PASSTHROUGH))
    mesh = kit.mesh(services, rules=[kit.rule(services[-1], passthrough, kit.subset("v1"))])
    for proxy in (kit.SIDECAR, kit.EXPLICIT, kit.GATEWAY):
        view = kit.view(mesh, proxy)
        referenced = {
            reference.name
            for resource in kit.resources(clusters.translate, view).values()
            for reference in resource.references
        }
        assert kit.resources(endpoints.translate, view).keys() == referenced
        assert NAME in referenced


class TestMemory:
    """A change costs what changed."""

    def test_only_the_changed_service_has_new_resources(self) -> None:
        services = [kit.service(f"s{number:02}") for number in range(40)]
        base = kit.mesh(services, endpoints=[kit.endpoints(service, "10.0.0.1") for service in services])
        memo = Memo()
        before = kit.resources(endpoints.translate, kit.view(base, memo=memo), memo)
        moved = replace(base, endpoints={**base.endpoints, services[7].key: kit.endpoints(services[7], "10.0.0.2")})
        after = kit.resources(endpoints.translate, kit.view(moved, memo=memo), memo)
        changed = {name for name in before if before[name] is not after[name]}
        assert changed == {"outbound|80||s07.default.svc.cluster.local"}

    def test_the_same_view_gives_the_same_resources(self) -> None:
        mesh, memo = kit.mesh([REVIEWS], endpoints=[kit.endpoints(REVIEWS, "10.0.0.1")]), Memo()
        before = kit.resources(endpoints.translate, kit.view(mesh, memo=memo), memo)
        after = kit.resources(endpoints.translate, kit.view(mesh, kit.proxy("10.1.1.1"), memo), memo)
        assert before[NAME] is after[NAME]

    def test_equal_endpoints_have_equal_versions(self) -> None:
        def version() -> str:
            mesh = kit.mesh([REVIEWS], endpoints=[kit.endpoints(REVIEWS, "10.0.0.1")])
            return kit.resources(endpoints.translate, kit.view(mesh))[NAME].version

        assert version() == version()
