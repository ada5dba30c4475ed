"""A configuration that changes all the time, under load: no request may fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from e2e.lab import Lab
from e2e.load import Traffic, load
from e2e.load_mesh import Document, LoadMesh, route, route_to, rule, service, start, workload

ROUNDS = 12
CHANGES_IN_A_ROUND = 18
REQUESTS_A_SECOND = 250.0
GAPS = (0.0, 0.01, 0.03, 0.06, 0.1, 0.2)
"""Seconds between two changes that belong together: shorter and longer than changes are gathered for."""

_Change = tuple[str, Document | None]

PAIRS: tuple[tuple[_Change, _Change, str], ...] = (
    (("virtual-service", route(v3=100)), ("destination-rule", rule("v1", "v2", "v3")), "v3"),
    (("virtual-service", route(v1=50, v2=50)), ("destination-rule", rule("v1", "v2")), "v1"),
    (("destination-rule", rule("v1", "v2", "v3", policy="ROUND_ROBIN")), ("virtual-service", route(v3=100)), "v3"),
    (("destination-rule", rule("v1", "v2")), ("virtual-service", route(v2=100)), "v2"),
    (("virtual-service", route_to("other")), ("service-other", service("other", version="v3")), "v3"),
    (("service-other", None), ("virtual-service", route(v1=100)), "v1"),
    (("destination-rule", None), ("virtual-service", route_to("echo")), "v3"),
    (("virtual-service", route(v2=100)), ("destination-rule", rule("v1", "v2")), "v2"),
)
"""Changes that belong together, and who answers after both: a route before its subset, a subset taken away after its
last route, a subset before its route together with another policy for every cluster, a subset taken away before its
last route; a route before its service, a service taken away before its last route; a whole rule taken away before the
last route to its subsets, and a route before the rule that defines its subset."""


async def test_two_hundred_changes_fail_no_request(lab: Lab) -> None:
    mesh = await start(lab)
    changes = 0

    async with load(mesh.client, "echo", REQUESTS_A_SECOND) as traffic:
        await traffic.sees_only({"v1"})
        for number in range(ROUNDS):
            async for _ in _round(mesh, traffic, GAPS[number % len(GAPS)]):
                changes += 1

    assert changes == ROUNDS * CHANGES_IN_A_ROUND
    assert not traffic.failures, f"{len(traffic.failures)} of {traffic.requests}: {traffic.failures[:10]}"
    assert traffic.requests > 5 * changes, "too little load to say anything"
    assert min(traffic.answered[instance] for instance in ("v1", "v2", "v3", "spare")) > ROUNDS, traffic.answered


async def _round(mesh: LoadMesh, traffic: Traffic, gap: float) -> AsyncIterator[None]:
    """Yields after each change. Each pair is seen to have taken effect before the next."""
    for first, second, answering in PAIRS:
        mesh.put(*first)
        yield
        await asyncio.sleep(gap)
        mesh.put(*second)
        yield
        await traffic.sees_all({answering})
    mesh.put("workload-spare", workload("spare", "v2", mesh.addresses["spare"]))
    yield
    await traffic.sees_all({"spare"})
    mesh.put("workload-spare", None)  # its server goes on: what is on its way there must be answered
    yield
    await traffic.sees_only({"v2"})
