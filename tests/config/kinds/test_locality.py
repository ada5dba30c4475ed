"""Locality settings, of a DestinationRule and of the mesh."""

from __future__ import annotations

from textwrap import dedent, indent

import pytest

from tests.config.kinds.istio import accepted, refused, warned
from xds.config.kinds.destination_rule import KIND
from xds.config.kinds.mesh_config import parse_mesh_config
from xds.model.locality import LocalityDistribution, LocalityFailover, LocalityLbSetting

DISTRIBUTE = "distribute: [{from: eu/*, to: {eu/eu-1: 80, us: 20}}]"


def rule(text: str) -> str:
    """A spec with this locality setting."""
    head = "host: reviews\ntrafficPolicy:\n  outlierDetection: {}\n  loadBalancer:\n    localityLbSetting:\n"
    return head + indent(dedent(text), " " * 6)


def setting(text: str) -> LocalityLbSetting:
    policy = accepted(KIND, rule(text)).traffic_policy
    assert policy is not None
    assert policy.load_balancer is not None
    assert policy.load_balancer.locality is not None
    return policy.load_balancer.locality


def wrong(text: str) -> list[str]:
    """Paths within the setting."""
    prefix = "spec.trafficPolicy.loadBalancer.localityLbSetting."
    return [path.removeprefix(prefix) for _, path in refused(KIND, rule(text))]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("enabled: false", LocalityLbSetting(enabled=False)),
        (DISTRIBUTE, LocalityLbSetting(distribute=(LocalityDistribution("eu/*", (("eu/eu-1", 80), ("us", 20))),))),
        ("failover: [{from: eu, to: us}]", LocalityLbSetting(failover=(LocalityFailover("eu", "us"),))),
        ("failoverPriority: [app, version=v1]", LocalityLbSetting(failover_priority=("app", "version=v1"))),
    ],
)
def test_reads_settings(written: str, expected: LocalityLbSetting) -> None:
    assert setting(written) == expected


@pytest.mark.parametrize(
    ("written", "paths"),
    [
        ("distribute: [{from: eu, to: {eu: 50, us: 49}}]", ["distribute[0].to"]),
        ("distribute: [{from: eu, to: {eu: 0, us: 100}}]", ["distribute[0].to.eu"]),
        ("distribute: [{from: eu, to: {eu: 50, eu/eu-1: 50}}]", ["distribute[0].to.eu/eu-1"]),
        ("distribute: [{from: eu, to: {us: 100}}, {from: eu/*, to: {eu: 100}}]", ["distribute[1].from"]),
        ("distribute: [{from: 'eu//a', to: {us: 100}}]", ["distribute[0].from"]),
        ("distribute: [{from: '*/a', to: {us: 100}}]", ["distribute[0].from"]),
        ("distribute: [{from: 'eu*', to: {us: 100}}]", ["distribute[0].from"]),
        ("distribute: [{from: a/b/c/d, to: {us: 100}}]", ["distribute[0].from"]),
        ("failover: [{from: eu, to: eu}]", ["failover[0].to"]),
        ("failover: [{from: eu/eu-1, to: '*'}]", ["failover[0].from", "failover[0].to"]),
        (f"{DISTRIBUTE}\nfailover: [{{from: eu, to: us}}]", ["failover"]),
        (
            "failover: [{from: eu, to: us}]\nfailoverPriority: [app, topology.kubernetes.io/zone]",
            ["failoverPriority[1]"],
        ),
    ],
)
def test_refuses_wrong_settings(written: str, paths: list[str]) -> None:
    assert wrong(written) == paths


def zone_aware(text: str) -> str:
    return f"host: reviews\ntrafficPolicy: {{outlierDetection: {{}}, loadBalancer: {{zoneAwareLbSetting: {text}}}}}"


def locality_of(spec: str) -> LocalityLbSetting | None:
    policy = accepted(KIND, spec).traffic_policy
    assert policy is not None
    assert policy.load_balancer is not None
    return policy.load_balancer.locality


def test_reads_zone_awareness() -> None:
    text = "{enabled: true, minClusterSize: 3, failover: [{from: eu, to: us}], failoverPriority: [app]}"
    assert locality_of(zone_aware(text)) == LocalityLbSetting(
        failover=(LocalityFailover("eu", "us"),), failover_priority=("app",), zone_aware=True, min_cluster_size=3
    )
    assert locality_of(zone_aware("{enabled: false}")) is None


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("{failoverPriority: [topology.kubernetes.io/zone=a]}", "zoneAwareLbSetting.failoverPriority[0]"),
        ("{failover: [{from: eu, to: eu}]}", "zoneAwareLbSetting.failover[0].to"),
        ("{}, localityLbSetting: {}", "zoneAwareLbSetting"),
    ],
)
def test_refuses_wrong_zone_awareness(written: str, path: str) -> None:
    assert [found for _, found in refused(KIND, zone_aware(written))] == [f"spec.trafficPolicy.loadBalancer.{path}"]


def test_warns_of_a_failover_that_nothing_would_start() -> None:
    locality = "localityLbSetting: {failoverPriority: [app]}"
    policy = (
        f"{{loadBalancer: {{{locality}}}, portLevelSettings: [{{port: {{number: 80}}, loadBalancer: {{{locality}}}}}]}}"
    )
    subset = f"subsets: [{{name: v1, trafficPolicy: {{loadBalancer: {{{locality}}}}}}}]"
    found = warned(KIND, f"host: reviews\ntrafficPolicy: {policy}\n{subset}")[1]
    assert found == [
        (2, "spec.trafficPolicy.portLevelSettings[0].loadBalancer.localityLbSetting", "no-effect"),
        (2, "spec.trafficPolicy.loadBalancer.localityLbSetting", "no-effect"),
    ]


def test_the_mesh_has_a_setting_too() -> None:
    settings, found = parse_mesh_config(f"localityLbSetting:\n  {DISTRIBUTE}", "mesh.yaml")
    assert settings.locality == setting(DISTRIBUTE)
    assert found == ()
    assert parse_mesh_config("localityLbSetting: {enabled: false}", "mesh.yaml")[0].locality.enabled is False
