"""Faulty instances get no traffic, and get it back; panic; instances that go away under load fail no request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import pytest

from e2e.lab import SERVICE_PORT
from e2e.load import load
from e2e.policy.instance import Instance
from e2e.policy.mesh import PolicyMesh, document
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="module")

TURNS = {"simple": "ROUND_ROBIN"}
EJECTING = {"interval": "0.1s", "baseEjectionTime": "1s", "maxEjectionPercent": 100}
"""What makes ejections quick. They last longer each time, so a test makes few of them."""


def policy(**outlier: object) -> object:
    return {"loadBalancer": TURNS, "outlierDetection": {**EJECTING, **outlier}}


@proves(
    "DestinationRule",
    "spec.trafficPolicy.outlierDetection.consecutive5xxErrors",
    "spec.trafficPolicy.outlierDetection.consecutiveGatewayErrors",
    "spec.trafficPolicy.outlierDetection.outlierDetectionHttpErrorCodes",
    "spec.trafficPolicy.outlierDetection.interval",
    "spec.trafficPolicy.outlierDetection.baseEjectionTime",
    "spec.trafficPolicy.outlierDetection.maxEjectionPercent",
)
@pytest.mark.parametrize(
    ("name", "status", "detector"),
    [
        ("five-hundreds", 500, {"consecutive5xxErrors": 3}),
        ("gateway-errors", 503, {"consecutive5xxErrors": 0, "consecutiveGatewayErrors": 3}),
        ("own-codes", 429, {"consecutive5xxErrors": 3, "outlierDetectionHttpErrorCodes": [429]}),
    ],
)
async def test_a_faulty_instance_is_left_out_until_it_heals(
    mesh: PolicyMesh, name: str, status: int, detector: Mapping[str, object]
) -> None:
    instances = await mesh.three()
    await mesh.add(name, policy(**detector), instances)
    await mesh.answered_only_by(name, "a", "b", "c")

    instances[1].status = status
    await mesh.answered_only_by(name, "a", "c")

    instances[1].status = 200
    await mesh.answered_only_by(name, "a", "b", "c")


async def test_statuses_that_are_not_listed_eject_nobody(mesh: PolicyMesh) -> None:
    instances = await mesh.three()
    detector = {"consecutive5xxErrors": 3, "outlierDetectionHttpErrorCodes": [429]}
    await mesh.add("other-codes", policy(**detector), instances)
    instances[1].status = 503
    seen = [(await mesh.ask("other-codes")).status for _ in range(60)]
    assert seen.count(503) == 20
    assert await mesh.cluster_stat("other-codes", "ejections_enforced_total") == 0


@proves(
    "DestinationRule",
    "spec.trafficPolicy.outlierDetection.splitExternalLocalOriginErrors",
    "spec.trafficPolicy.outlierDetection.consecutiveLocalOriginFailures",
)
async def test_an_instance_that_refuses_connections_is_left_out_until_it_is_back(mesh: PolicyMesh) -> None:
    instances = await mesh.three()
    split = {"splitExternalLocalOriginErrors": True, "consecutiveLocalOriginFailures": 3}
    await mesh.add("refusing", policy(**split), instances)
    await mesh.answered_only_by("refusing", "a", "b", "c")

    await instances[1].stop()
    await mesh.answered_only_by("refusing", "a", "c")
    assert await mesh.cluster_stat("refusing", "ejections_enforced_consecutive_local_origin_failure") > 0

    await instances[1].start()
    await mesh.answered_only_by("refusing", "a", "b", "c")


async def all_but_one_fail(mesh: PolicyMesh, name: str, min_health_percent: int) -> tuple[Instance, ...]:
    """Two of three fail, and both are ejected for long. Envoy may gather the second ejection for up to a second."""
    instances = await mesh.three()
    detector = {"consecutive5xxErrors": 2, "minHealthPercent": min_health_percent, "baseEjectionTime": "60s"}
    await mesh.add(name, policy(**detector), instances)
    instances[1].status = instances[2].status = 500

    async def both_are_ejected() -> bool:
        await mesh.ask(name)
        return await mesh.cluster_stat(name, "ejections_active") == 2

    await mesh.until(both_are_ejected, "two ejections")
    return instances


@proves("DestinationRule", "spec.trafficPolicy.outlierDetection.maxEjectionPercent")
async def test_without_panic_the_last_healthy_instance_gets_everything(mesh: PolicyMesh) -> None:
    await all_but_one_fail(mesh, "calm", 0)
    await mesh.answered_only_by("calm", "a")
    assert await mesh.cluster_stat("calm", "lb_healthy_panic") == 0


@proves("DestinationRule", "spec.trafficPolicy.outlierDetection.minHealthPercent")
async def test_below_the_panic_threshold_everyone_gets_traffic(mesh: PolicyMesh) -> None:
    await all_but_one_fail(mesh, "panicking", 50)

    async def everyone_answers() -> bool:
        return {(await mesh.ask("panicking")).instance for _ in range(20)} == {"a", "b", "c"}

    await mesh.until(everyone_answers, "all three in spite of ejections")
    assert await mesh.cluster_stat("panicking", "lb_healthy_panic") > 0
    assert await mesh.cluster_stat("panicking", "ejections_active") == 2


async def test_a_scale_down_under_load_fails_no_request(mesh: PolicyMesh) -> None:
    """An instance is taken out of the configuration, and goes when it gets nothing any more."""
    one, two, three = await mesh.three()
    rule = {"host": "shrinking", "trafficPolicy": {"loadBalancer": TURNS}}
    await mesh.add_rule("shrinking", rule, (one, two, three))
    async with load(mesh.client, "shrinking", 100) as traffic:
        await traffic.sees_all({"a", "b", "c"})
        mesh.write("shrinking", rule, (one, two))
        await traffic.sees_only({"a", "b"})
        await three.stop()
        mesh.write("shrinking", rule, (one,))
        await traffic.sees_only({"a"})
        await two.stop()
        await traffic.sees_only({"a"})
    assert traffic.failures == []


async def test_a_request_that_is_under_way_is_answered_by_an_instance_that_was_removed(mesh: PolicyMesh) -> None:
    one, two, _ = await mesh.three()
    rule = {"host": "finishing", "trafficPolicy": {"loadBalancer": TURNS}}
    await mesh.add_rule("finishing", rule, (one,))
    one.gate.clear()
    async with asyncio.TaskGroup() as tasks:
        late = tasks.create_task(mesh.ask("finishing"))
        await mesh.until(lambda: holds(one), "a request that waits")
        mesh.write("finishing", rule, (two,))
        await mesh.until(lambda: is_unknown(mesh, one), "the removal at the client")
        await mesh.answered_only_by("finishing", "b")
        one.gate.set()
    assert (late.result().status, late.result().instance) == (200, "a")


async def holds(instance: Instance) -> bool:
    return instance.waiting > 0


async def is_unknown(mesh: PolicyMesh, instance: Instance) -> bool:
    return f"{instance.address}:" not in await mesh.client.admin("/clusters")


READY = {"conditions": [{"type": "Ready", "status": "True"}]}
NOT_READY = {"conditions": [{"type": "Ready", "status": "False"}]}


def pods(mesh: PolicyMesh, service: str, *states: tuple[Instance, Mapping[str, object], Mapping[str, object]]) -> None:
    """Writes a Service and its Pods: the instance of each, its status, and what its metadata has beside the usual."""
    found = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"{service}-{instance.name}", "labels": {"app": service}, **metadata},
            "spec": {"containers": [{"name": "app"}]},
            "status": {"phase": "Running", "podIP": instance.address, **status},
        }
        for instance, status, metadata in states
    ]
    ports = [{"name": "http", "port": SERVICE_PORT}]
    declared = document("Service", service, {"selector": {"app": service}, "ports": ports})
    mesh.lab.write(f"{service}.yaml", "---\n".join(f"{json.dumps(each)}\n" for each in (declared, *found)))


@pytest.mark.parametrize(
    ("name", "status", "metadata"),
    [
        ("unready-pod", NOT_READY, {}),
        ("terminating-pod", READY, {"deletionTimestamp": "2026-01-01T00:00:00Z"}),
    ],
)
async def test_a_pod_that_goes_under_load_fails_no_request(
    mesh: PolicyMesh, name: str, status: Mapping[str, object], metadata: Mapping[str, object]
) -> None:
    one, two, three = await mesh.three()
    pods(mesh, name, (one, READY, {}), (two, READY, {}), (three, READY, {}))
    await mesh.answered_only_by(name, "a", "b", "c")
    async with load(mesh.client, name, 100) as traffic:
        await traffic.sees_all({"a", "b", "c"})
        pods(mesh, name, (one, READY, {}), (two, READY, {}), (three, status, metadata))
        await traffic.sees_only({"a", "b"})
        await three.stop()
        await traffic.sees_all({"a", "b"})
        await three.start()
        pods(mesh, name, (one, READY, {}), (two, READY, {}), (three, READY, {}))
        await traffic.sees_all({"c"})
    assert traffic.failures == []
