"""Traffic stays near, moves when a place is gone, and comes back."""

from __future__ import annotations

import pytest

from e2e.policy.mesh import LOCALITY, PolicyMesh, document
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="module")

EJECTING = {
    "consecutive5xxErrors": 2,
    "interval": "0.1s",
    "baseEjectionTime": "1s",
    "maxEjectionPercent": 100,
}


def policy(**setting: object) -> object:
    return {
        "outlierDetection": EJECTING,
        "loadBalancer": {"simple": "ROUND_ROBIN", "localityLbSetting": setting},
    }


async def test_traffic_moves_when_a_zone_is_gone_and_comes_back(mesh: PolicyMesh) -> None:
    here = await mesh.instance("a", LOCALITY)
    near = await mesh.instance("b", "eu/eu-2")
    far = await mesh.instance("c", "us/us-1")
    await mesh.add("zones", {"outlierDetection": EJECTING}, (here, near, far))
    await mesh.answered_only_by("zones", "a")

    await here.stop()
    await mesh.answered_only_by("zones", "b")
    await near.stop()
    await mesh.answered_only_by("zones", "c")

    await near.start()
    await mesh.answered_only_by("zones", "b")
    await here.start()
    await mesh.answered_only_by("zones", "a")


async def test_traffic_moves_when_the_endpoints_of_a_zone_are_taken_away(mesh: PolicyMesh) -> None:
    here, near = await mesh.instance("a", LOCALITY), await mesh.instance("b", "eu/eu-2")
    rule = {"host": "emptied", "trafficPolicy": {"outlierDetection": EJECTING}}
    await mesh.add_rule("emptied", rule, (here, near))
    await mesh.answered_only_by("emptied", "a")
    mesh.write("emptied", rule, (near,))
    await mesh.answered_only_by("emptied", "b")
    mesh.write("emptied", rule, (here, near))
    await mesh.answered_only_by("emptied", "a")


@proves(
    "DestinationRule",
    "spec.trafficPolicy.loadBalancer.localityLbSetting.failover.from",
    "spec.trafficPolicy.loadBalancer.localityLbSetting.failover.to",
)
async def test_a_region_fails_over_to_the_one_that_is_named(mesh: PolicyMesh) -> None:
    here = await mesh.instance("a", LOCALITY)
    others = await mesh.instance("b", "us/us-1"), await mesh.instance("c", "asia/asia-1")
    await mesh.add("refuge", policy(failover=[{"from": "eu", "to": "asia"}]), (here, *others))
    await mesh.answered_only_by("refuge", "a")
    await here.stop()
    await mesh.answered_only_by("refuge", "c")
    await here.start()
    await mesh.answered_only_by("refuge", "a")


@proves("DestinationRule", "spec.trafficPolicy.loadBalancer.localityLbSetting.failoverPriority")
async def test_labels_come_before_places(mesh: PolicyMesh) -> None:
    """The client's version is a."""
    alike, here = await mesh.instance("a", "us/us-1"), await mesh.instance("b", LOCALITY)
    await mesh.add("labels", policy(failoverPriority=["version"]), (alike, here))
    await mesh.answered_only_by("labels", "a")
    await alike.stop()
    await mesh.answered_only_by("labels", "b")


@proves(
    "DestinationRule",
    "spec.trafficPolicy.loadBalancer.localityLbSetting.distribute.from",
    "spec.trafficPolicy.loadBalancer.localityLbSetting.distribute.to",
)
async def test_shares_say_where_traffic_goes(mesh: PolicyMesh) -> None:
    here = await mesh.instance("a", LOCALITY)
    elsewhere = await mesh.instance("b", "us/us-1"), await mesh.instance("c", "us/us-2")
    await mesh.add("shares", policy(distribute=[{"from": "eu/*", "to": {"us": 100}}]), (here, *elsewhere))
    await mesh.answered_only_by("shares", "b", "c")


@proves("DestinationRule", "spec.trafficPolicy.loadBalancer.localityLbSetting.enabled")
async def test_turned_off_all_places_are_alike(mesh: PolicyMesh) -> None:
    instances = await mesh.instance("a", LOCALITY), await mesh.instance("b", "us/us-1")
    await mesh.add("alike", policy(enabled=False), instances)
    await mesh.answered_only_by("alike", "a", "b")


async def test_a_client_elsewhere_has_another_order(mesh: PolicyMesh) -> None:
    instances = await mesh.instance("a", LOCALITY), await mesh.instance("b", "us/us-1")
    await mesh.add("orders", {"outlierDetection": EJECTING}, instances)
    abroad = await mesh.lab.sidecar("abroad", locality="us/us-1")
    assert {await abroad.instance("orders") for _ in range(10)} == {"b"}
    await mesh.answered_only_by("orders", "a")


@proves(
    "DestinationRule",
    "spec.trafficPolicy.loadBalancer.zoneAwareLbSetting.enabled",
    "spec.trafficPolicy.loadBalancer.zoneAwareLbSetting.minClusterSize",
)
async def test_zones_balance_themselves_within_a_region(mesh: PolicyMesh) -> None:
    """The client's own service is in both zones alike, and so is the other: nobody has to leave its zone."""
    ip = mesh.lab.addresses.new()
    elsewhere = {"address": mesh.lab.addresses.new(), "labels": {"app": "zonal"}, "locality": "eu/eu-2"}
    own = (
        document("Service", "zonal", {"selector": {"app": "zonal"}, "ports": [{"name": "http", "port": 8080}]}),
        document("WorkloadEntry", "zonal-1", {"address": ip, "labels": {"app": "zonal"}, "locality": LOCALITY}),
        document("WorkloadEntry", "zonal-2", elsewhere),
    )
    instances = (
        await mesh.instance("a", LOCALITY),
        await mesh.instance("b", "eu/eu-2"),
        await mesh.instance("c", "us/us-1"),
    )
    zones = {"zoneAwareLbSetting": {"enabled": True, "minClusterSize": 1}}
    await mesh.add("in-zones", {"loadBalancer": {"simple": "ROUND_ROBIN", **zones}}, instances, *own)
    await mesh.answered_only_by("in-zones", "a", "b")  # the mesh's client knows nothing of its own service

    client = await mesh.lab.sidecar("zonal", {"app": "zonal"}, LOCALITY, ip, self_discovery=True)
    zonal = PolicyMesh(mesh.lab, client)
    await zonal.answered_only_by("in-zones", "a")
    assert await zonal.cluster_stat("in-zones", "lb_zone_routing_all_directly") > 0


async def test_without_outlier_detection_all_places_are_alike(mesh: PolicyMesh) -> None:
    instances = await mesh.instance("a", LOCALITY), await mesh.instance("b", "us/us-1")
    await mesh.add("undetected", {"loadBalancer": {"simple": "ROUND_ROBIN"}}, instances)
    await mesh.answered_only_by("undetected", "a", "b")
