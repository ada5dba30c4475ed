"""Which clusters a proxy gets, and how they find their endpoints."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from envoy_data_plane.envoy.config.cluster.v3 import (
    Cluster,
    ClusterDiscoveryType,
    ClusterDnsLookupFamily,
    ClusterLbPolicy,
)

from tests.translators import kit
from translators import clusters
from xds.model.mesh import Mesh
from xds.model.objects import ObjectKey
from xds.model.policy import ConnectionPoolSettings, LoadBalancerSettings, SimpleLB, TCPSettings, TrafficPolicy
from xds.model.proxy import Proxy
from xds.model.services import Endpoint, Location, Protocol, Resolution, Service
from xds.model.settings import MeshSettings
from xds.pipeline import Memo
from xds.resources import ENDPOINT, Reference

REVIEWS = kit.service("reviews", kit.http(9080))
NAME = "outbound|9080||reviews.default.svc.cluster.local"
V1 = "outbound|9080|v1|reviews.default.svc.cluster.local"


def translated(mesh: Mesh, proxy: Proxy = kit.SIDECAR) -> dict[str, Cluster]:
    return kit.decoded_clusters(kit.resources(clusters.translate, kit.view(mesh, proxy)))


def only(service: Service, proxy: Proxy = kit.SIDECAR) -> Cluster:
    found = translated(kit.mesh([service]), proxy)
    (name,) = [name for name in found if name.startswith("outbound|")]
    return found[name]


def test_one_cluster_for_each_port_and_subset() -> None:
    service = kit.service("reviews", kit.http(9080), kit.port(9090, Protocol.TCP), kit.port(53, Protocol.UDP))
    found = translated(kit.mesh([service], rules=[kit.rule(service, None, kit.subset("v1"))]))
    assert {name for name in found if name.startswith("outbound")} == {
        NAME,
        V1,
        "outbound|9090||reviews.default.svc.cluster.local",
        "outbound|9090|v1|reviews.default.svc.cluster.local",
    }


def test_endpoints_come_over_ads_under_the_name_of_the_cluster() -> None:
    resource = kit.resources(clusters.translate, kit.view(kit.mesh([REVIEWS])))[NAME]
    cluster = Cluster.parse(resource.body)
    assert cluster.type is ClusterDiscoveryType.EDS
    assert cluster.eds_cluster_config is not None
    assert cluster.eds_cluster_config.service_name == NAME
    assert cluster.eds_cluster_config.eds_config is not None
    assert cluster.eds_cluster_config.eds_config.ads is not None
    assert resource.references == (Reference(ENDPOINT, NAME),)


def test_defaults() -> None:
    cluster = only(REVIEWS)
    assert cluster.lb_policy is ClusterLbPolicy.LEAST_REQUEST
    assert cluster.connect_timeout == timedelta(seconds=10)
    assert cluster.circuit_breakers is not None
    (thresholds,) = cluster.circuit_breakers.thresholds
    limits = {
        thresholds.max_connections,
        thresholds.max_requests,
        thresholds.max_retries,
        thresholds.max_pending_requests,
    }
    assert limits == {2**32 - 1}
    assert thresholds.track_remaining
    assert cluster.outlier_detection is None
    assert cluster.transport_socket is None
    assert cluster.common_lb_config is not None
    assert cluster.common_lb_config.locality_weighted_lb_config is None


def test_the_mesh_sets_the_connect_timeout() -> None:
    mesh = kit.mesh([REVIEWS], settings=MeshSettings(connect_timeout=timedelta(seconds=3)))
    assert {cluster.connect_timeout for cluster in translated(mesh).values()} == {timedelta(seconds=3)}


def test_metadata_names_service_subset_and_rule() -> None:
    found = translated(kit.mesh([REVIEWS], rules=[kit.rule(REVIEWS, None, kit.subset("v1"))]))
    metadata = found[V1].metadata
    assert metadata is not None
    described = {"host": REVIEWS.hostname, "name": "reviews", "namespace": "default"}
    assert metadata.filter_metadata["istio"].to_dict() == {
        "config": "/apis/networking.istio.io/v1/namespaces/default/destination-rule/reviews",
        "services": [described],
        "subset": "v1",
    }


def test_origins_are_the_rule_and_then_the_service() -> None:
    found = kit.resources(clusters.translate, kit.view(kit.mesh([REVIEWS], rules=[kit.rule(REVIEWS)])))
    rule, service = ObjectKey("DestinationRule", "default", "reviews"), ObjectKey("Service", "default", "reviews")
    assert found[NAME].origins == (rule, service)


@pytest.mark.parametrize("headless", [True, False])
def test_without_discovery_traffic_goes_where_the_application_dialled(headless: bool) -> None:
    service = kit.service_entry("db.example.com", kit.port(5432, Protocol.TCP))
    service = replace(service, headless=headless, resolution=Resolution.STATIC if headless else Resolution.NONE)
    cluster = only(service)
    assert cluster.type is ClusterDiscoveryType.ORIGINAL_DST
    assert cluster.lb_policy is ClusterLbPolicy.CLUSTER_PROVIDED
    assert cluster.eds_cluster_config is None
    assert only(service, kit.GATEWAY).type is ClusterDiscoveryType.EDS
    assert only(service, kit.EXPLICIT).type is ClusterDiscoveryType.EDS


def test_passthrough_load_balancing() -> None:
    policy = TrafficPolicy(load_balancer=LoadBalancerSettings(SimpleLB.PASSTHROUGH))
    mesh = kit.mesh([REVIEWS], rules=[kit.rule(REVIEWS, policy)])
    assert translated(mesh)[NAME].type is ClusterDiscoveryType.ORIGINAL_DST
    assert translated(mesh, kit.GATEWAY)[NAME].type is ClusterDiscoveryType.EDS


DNS = replace(kit.service_entry("api.example.com", kit.http(80)), resolution=Resolution.DNS)
ROUND_ROBIN = replace(DNS, resolution=Resolution.DNS_ROUND_ROBIN)


@pytest.mark.parametrize(
    ("service", "discovery"), [(DNS, ClusterDiscoveryType.STRICT_DNS), (ROUND_ROBIN, ClusterDiscoveryType.LOGICAL_DNS)]
)
def test_dns_clusters_hold_the_names_to_resolve(service: Service, discovery: ClusterDiscoveryType) -> None:
    external = replace(service, location=Location.MESH_EXTERNAL)
    mesh = kit.mesh([external], endpoints=[kit.endpoints(external, Endpoint("api.example.com", 8080))])
    cluster = translated(mesh)["outbound|80||api.example.com"]
    assert cluster.type is discovery
    assert cluster.dns_lookup_family is ClusterDnsLookupFamily.V4_ONLY
    assert cluster.respect_dns_ttl
    assert cluster.dns_refresh_rate == timedelta(seconds=60)
    assert cluster.load_assignment is not None
    assert cluster.load_assignment.cluster_name == cluster.name
    (locality,) = cluster.load_assignment.endpoints
    (endpoint,) = locality.lb_endpoints
    assert endpoint.endpoint is not None
    assert endpoint.endpoint.address is not None
    assert endpoint.endpoint.address.socket_address is not None
    assert endpoint.endpoint.address.socket_address.address == "api.example.com"
    assert endpoint.endpoint.address.socket_address.port_value == 8080


def test_logical_dns_takes_exactly_one_endpoint() -> None:
    mesh = kit.mesh([ROUND_ROBIN], endpoints=[kit.endpoints(ROUND_ROBIN, "a.example.com", "b.example.com")])
    assert translated(mesh)["outbound|80||api.example.com"].type is ClusterDiscoveryType.STRICT_DNS
    assert only(ROUND_ROBIN).type is ClusterDiscoveryType.STRICT_DNS


def test_what_a_proxy_gets_for_unknown_destinations() -> None:
    def others(proxy: Proxy) -> set[str]:
        return set(translated(kit.mesh(), proxy))

    assert others(kit.SIDECAR) == {"PassthroughCluster", "BlackHoleCluster", "InboundPassthroughCluster"}
    assert others(kit.EXPLICIT) == {"PassthroughCluster", "BlackHoleCluster"}
    assert others(kit.GATEWAY) == {"BlackHoleCluster"}


def test_passthrough_and_black_hole() -> None:
    found = translated(kit.mesh())
    assert found["PassthroughCluster"].type is ClusterDiscoveryType.ORIGINAL_DST
    assert found["PassthroughCluster"].lb_policy is ClusterLbPolicy.CLUSTER_PROVIDED
    assert found["BlackHoleCluster"].type is ClusterDiscoveryType.STATIC
    assert found["BlackHoleCluster"].load_assignment is None


class TestMemory:
    """A change costs what changed."""

    def test_unchanged_services_keep_their_resources(self) -> None:
        services = [kit.service(name) for name in ("a", "b", "c")]
        memo = Memo()
        before = kit.resources(clusters.translate, kit.view(kit.mesh(services), memo=memo), memo)
        changed = kit.mesh(services, rules=[kit.rule(services[1], _limit(5))])
        after = kit.resources(clusters.translate, kit.view(changed, memo=memo), memo)
        assert before.keys() == after.keys()
        assert {name for name in before if before[name] is not after[name]} == {
            "outbound|80||b.default.svc.cluster.local"
        }

    def test_services_that_come_and_go_leave_the_others_alone(self) -> None:
        services = [kit.service(f"s{number}") for number in range(200)]
        memo = Memo()
        before = kit.resources(clusters.translate, kit.view(kit.mesh(services), memo=memo), memo)
        after = kit.resources(clusters.translate, kit.view(kit.mesh([*services[50:], DNS]), memo=memo), memo)
        assert all(before[name] is after[name] for name in before.keys() & after.keys())
        assert len(before.keys() & after.keys()) == 150 + len(translated(kit.mesh()))

    def test_changed_endpoints_change_dns_clusters_only(self) -> None:
        memo = Memo()
        base = kit.mesh(
            [REVIEWS, DNS], endpoints=[kit.endpoints(REVIEWS, "10.0.0.1"), kit.endpoints(DNS, "a.example.com")]
        )
        before = kit.resources(clusters.translate, kit.view(base, memo=memo), memo)
        moved = {**base.endpoints, DNS.key: kit.endpoints(DNS, "b.example.com")}
        moved[REVIEWS.key] = kit.endpoints(REVIEWS, "10.0.0.2")
        after = kit.resources(clusters.translate, kit.view(replace(base, endpoints=moved), memo=memo), memo)
        assert {name for name in before if before[name] is not after[name]} == {"outbound|80||api.example.com"}

    def test_proxies_share_outbound_clusters(self) -> None:
        memo, mesh = Memo(), kit.mesh([REVIEWS])
        one = kit.resources(clusters.translate, kit.view(mesh, kit.proxy("10.0.0.1"), memo), memo)
        other = kit.resources(clusters.translate, kit.view(mesh, kit.proxy("10.0.0.2", namespace="prod"), memo), memo)
        assert one[NAME].version == other[NAME].version

    def test_equal_policies_of_different_services_share_their_encoding(self) -> None:
        services = [kit.service(name) for name in ("a", "b")]
        found = translated(kit.mesh(services, rules=[kit.rule(s, _limit(5)) for s in services]))
        a, b = (found[f"outbound|80||{name}.default.svc.cluster.local"] for name in ("a", "b"))
        assert a.circuit_breakers == b.circuit_breakers


def _limit(connections: int) -> TrafficPolicy:
    return TrafficPolicy(connection_pool=ConnectionPoolSettings(tcp=TCPSettings(max_connections=connections)))
