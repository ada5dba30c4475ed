"""What is tried again, where, when, and how much of it at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from e2e.policy.instance import Instance
from e2e.policy.mesh import LOCALITY, PolicyMesh, Seen, document
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="module")

BY_USER = {"consistentHash": {"httpHeaderName": "x-user"}}


def route(name: str, **retries: object) -> object:
    """Statuses 503 are tried again."""
    rule = {"route": [{"destination": {"host": name}}], "retries": {"retryOn": "503", **retries}}
    return document("VirtualService", name, {"hosts": [name], "http": [rule]})


async def all_wait(mesh: PolicyMesh, instance: Instance, count: int) -> None:
    async def so_many() -> bool:
        return instance.waiting == count

    await mesh.until(so_many, f"{count} requests that wait at {instance.name}")


async def first_attempts_fail(
    mesh: PolicyMesh, name: str, failing: Instance, user: str, retried: int
) -> Sequence[Seen]:
    """Four requests at the same time are answered with 503 by ``failing``. So many of them are tried again, and wait
    until Envoy has refused to try the others; then they are answered with 200."""
    failing.gate.clear()
    failing.status = 503
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(mesh.ask(name, headers={"x-user": user})) for _ in range(4)]
        await all_wait(mesh, failing, 4)
        failing.release()

        async def others_are_refused() -> bool:
            return await mesh.cluster_stat(name, "upstream_rq_retry_overflow") == 4 - retried

        await mesh.until(others_are_refused, "retries that are too many")
        await all_wait(mesh, failing, retried)
        failing.status = 200
        failing.gate.set()
    return [each.result() for each in asked]


@proves("DestinationRule", "spec.trafficPolicy.connectionPool.http.maxRetries")
async def test_retries_at_the_same_time_have_a_maximum(mesh: PolicyMesh) -> None:
    instance = await mesh.instance("a")
    pool = {"connectionPool": {"http": {"maxRetries": 1}}}
    await mesh.add("retry-limit", pool, [instance], route("retry-limit", attempts=1))
    seen = await first_attempts_fail(mesh, "retry-limit", instance, "any", 1)
    assert sorted(each.status for each in seen) == [200, 503, 503, 503]


@proves("DestinationRule", "spec.trafficPolicy.retryBudget.minRetryConcurrency")
async def test_a_retry_budget_has_a_minimum(mesh: PolicyMesh) -> None:
    instance = await mesh.instance("a")
    budget = {"retryBudget": {"percent": 0, "minRetryConcurrency": 2}}
    await mesh.add("budget-minimum", budget, [instance], route("budget-minimum", attempts=1))
    seen = await first_attempts_fail(mesh, "budget-minimum", instance, "any", 2)
    assert sorted(each.status for each in seen) == [200, 200, 503, 503]


@proves("DestinationRule", "spec.trafficPolicy.retryBudget.percent")
async def test_a_retry_budget_is_a_part_of_the_requests_that_are_open(mesh: PolicyMesh) -> None:
    """20 requests are open at one instance, so 10 % of all is two, with or without the four at the other one."""
    busy, failing = await mesh.instance("a"), await mesh.instance("b")
    policy = {"retryBudget": {"percent": 10, "minRetryConcurrency": 1}, "loadBalancer": BY_USER}
    await mesh.add("budget", policy, (busy, failing), route("budget", attempts=1))
    users = {(await mesh.ask("budget", headers={"x-user": str(user)})).instance: str(user) for user in range(40)}
    busy.gate.clear()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(20):
            tasks.create_task(mesh.ask("budget", headers={"x-user": users["a"]}))
        await all_wait(mesh, busy, 20)
        seen = await first_attempts_fail(mesh, "budget", failing, users["b"], 2)
        busy.gate.set()
    assert sorted(each.status for each in seen) == [200, 200, 503, 503]


@proves("VirtualService", "spec.http.retries.backoff")
async def test_a_retry_waits(mesh: PolicyMesh) -> None:
    """So long that the request is over before: a random part of more than ten days, and half a second at most."""
    instance = await mesh.instance("a")
    rule = {
        "route": [{"destination": {"host": "waiting"}}],
        "retries": {"retryOn": "503", "attempts": 2, "backoff": "1000000s"},
        "timeout": "0.5s",
    }
    routes = document("VirtualService", "waiting", {"hosts": ["waiting"], "http": [rule]})
    await mesh.add("waiting", None, [instance], routes)
    instance.status = 503
    assert (await mesh.ask("waiting", "/once")).status == 504
    assert instance.requests.count("/once") == 1


@proves("VirtualService", "spec.http.retries.retryIgnorePreviousHosts")
async def test_a_retry_goes_elsewhere_unless_that_is_turned_off(mesh: PolicyMesh) -> None:
    """In turns of three and one, what fails at the instance with three parts would often get there again."""
    failing, healthy = await mesh.instance("a"), await mesh.instance("b")
    for name, elsewhere in (("elsewhere", True), ("anywhere", False)):
        weights = [
            document(
                "WorkloadEntry",
                f"{name}-{each.name}",
                {"address": each.address, "labels": {"app": name}, "weight": weight},
            )
            for each, weight in ((failing, 3), (healthy, 1))
        ]
        rule = {"host": name, "trafficPolicy": {"loadBalancer": {"simple": "ROUND_ROBIN"}}}
        retries = route(name, attempts=1, backoff="0.001s", retryIgnorePreviousHosts=elsewhere)
        await mesh.add_rule(name, rule, (), retries, *weights)
    failing.status = 503
    assert {(await mesh.ask("elsewhere")).status for _ in range(16)} == {200}
    assert {(await mesh.ask("anywhere")).status for _ in range(16)} == {200, 503}


@proves("VirtualService", "spec.http.retries.retryRemoteLocalities")
async def test_a_retry_may_leave_for_another_place(mesh: PolicyMesh) -> None:
    """Every second retry is for another priority."""
    here, far = await mesh.instance("a", LOCALITY), await mesh.instance("b", "us/us-1")
    policy = {"outlierDetection": {"consecutive5xxErrors": 10_000}}
    for name, remote in (("leaving", True), ("staying", False)):
        retries = route(name, attempts=3, backoff="0.001s", retryRemoteLocalities=remote)
        await mesh.add(name, policy, (here, far), retries)
    here.status = 503
    assert {((await mesh.ask("leaving")).instance) for _ in range(8)} == {"b"}
    assert {((await mesh.ask("staying")).instance) for _ in range(8)} == {"a"}


async def test_what_a_hash_decides_is_tried_again_at_the_same_instance(mesh: PolicyMesh) -> None:
    instances = await mesh.instance("a"), await mesh.instance("b")
    retries = route("same-again", attempts=2, backoff="0.001s")
    await mesh.add("same-again", {"loadBalancer": BY_USER}, instances, retries)
    first = (await mesh.ask("same-again", headers={"x-user": "ann"})).instance
    chosen = next(each for each in instances if each.name == first)
    chosen.status = 503
    answer = await mesh.ask("same-again", "/again", {"x-user": "ann"})
    assert (answer.status, answer.instance) == (503, first)
    assert chosen.requests.count("/again") == 3
