"""What the mesh's settings say of clusters: the default traffic policy, names in statistics, unknown destinations."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.translators.kit import (
    EXPLICIT,
    GATEWAY,
    SIDECAR,
    decoded_clusters,
    mesh,
    resources,
    rule,
    service,
    service_entry,
    subset,
    view,
)
from translators import clusters
from translators.cluster.policy import port_policy
from translators.cluster.stat_name import stat_name
from xds.model.gateways import OutboundTrafficMode
from xds.model.policy import (
    ConnectionPoolSettings,
    DestinationRule,
    HTTPSettings,
    OutlierDetection,
    TCPSettings,
    TrafficPolicy,
)
from xds.model.proxy import Proxy
from xds.model.settings import MeshSettings

REVIEWS = service("reviews")
MESH = TrafficPolicy(
    connection_pool=ConnectionPoolSettings(
        TCPSettings(max_connections=10, connect_timeout=timedelta(seconds=3)), HTTPSettings(max_retries=7)
    ),
    outlier_detection=OutlierDetection(consecutive_5xx_errors=4, interval=timedelta(seconds=9)),
)
SETTINGS = MeshSettings(traffic_policy=MESH)


def effective(*rules: DestinationRule, subset_name: str = "") -> tuple[ConnectionPoolSettings, OutlierDetection]:
    """The two blocks that hold for reviews:80, or for a subset of it."""
    (visible,) = view(mesh([REVIEWS], rules=rules, settings=SETTINGS)).services
    assert visible.rule is not None
    chosen = next((each for each in visible.rule.subsets if each.name == subset_name), None)
    policy = port_policy(visible.rule, chosen, 80)
    assert policy.connection_pool is not None
    assert policy.outlier_detection is not None
    return policy.connection_pool, policy.outlier_detection


def test_holds_where_there_is_no_rule() -> None:
    assert effective() == (MESH.connection_pool, MESH.outlier_detection)


def test_completes_a_rule_field_by_field() -> None:
    own = TrafficPolicy(
        connection_pool=ConnectionPoolSettings(TCPSettings(max_connections=1)),
        outlier_detection=OutlierDetection(consecutive_5xx_errors=0),
    )
    pool, outlier = effective(rule(REVIEWS, own))
    assert pool.tcp == TCPSettings(max_connections=1, connect_timeout=timedelta(seconds=3))
    assert pool.http == HTTPSettings(max_retries=7)
    assert outlier == OutlierDetection(consecutive_5xx_errors=0, interval=timedelta(seconds=9))


def test_completes_what_a_subset_says_not_what_the_rule_above_it_said() -> None:
    top = TrafficPolicy(outlier_detection=OutlierDetection(interval=timedelta(seconds=1)))
    own = TrafficPolicy(outlier_detection=OutlierDetection(consecutive_gateway_errors=2))
    _, outlier = effective(rule(REVIEWS, top, subset("v1", own)), subset_name="v1")
    assert outlier == OutlierDetection(
        consecutive_5xx_errors=4, consecutive_gateway_errors=2, interval=timedelta(seconds=9)
    )


def test_without_it_a_service_without_rule_has_none() -> None:
    (visible,) = view(mesh([REVIEWS])).services
    assert visible.rule is None


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("%SERVICE%", "reviews.default"),
        ("%SERVICE_FQDN%_%SERVICE_PORT%", "reviews.default.svc.cluster.local_80"),
        ("%SERVICE_NAME%-%SERVICE_PORT_NAME%-%SUBSET_NAME%-%TARGET_PORT%", "reviews-http-v1-8080"),
        ("plain %OTHER%", "plain %OTHER%"),
    ],
)
def test_variables_of_a_stat_name(pattern: str, expected: str) -> None:
    assert stat_name(pattern, REVIEWS, REVIEWS.ports[0], subset="v1", target_port=8080) == expected


def test_other_hosts_have_no_short_form() -> None:
    outside = service_entry("api.example.com")
    assert stat_name("%SERVICE%", outside, outside.ports[0]) == "api.example.com"


@pytest.mark.parametrize(("proxy", "resolves"), [(SIDECAR, True), (EXPLICIT, True), (GATEWAY, False)])
def test_sidecars_go_where_dns_leads(proxy: Proxy, resolves: bool) -> None:
    settings = MeshSettings(outbound_traffic_policy=OutboundTrafficMode.ALLOW_ANY_DYNAMIC_DNS)
    found = decoded_clusters(resources(clusters.translate, view(mesh(settings=settings), proxy)))
    assert ("AllowAnyDynamicDNSCluster" in found) is resolves
