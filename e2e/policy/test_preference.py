"""Who gets less: an instance with more to do, and one that is new."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping

import pytest

from e2e.policy.mesh import PolicyMesh
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="module")

WINDOW = 4.0
"""Seconds in which an instance is new."""


async def counted(mesh: PolicyMesh, service: str, requests: int) -> Counter[object]:
    return Counter([(await mesh.ask(service)).instance for _ in range(requests)])


@proves("DestinationRule", "spec.trafficPolicy.loadBalancer.simple")
@pytest.mark.parametrize(("simple", "busy_gets_less"), [("LEAST_REQUEST", True), ("ROUND_ROBIN", False)])
async def test_the_one_with_less_to_do_is_preferred(mesh: PolicyMesh, simple: str, busy_gets_less: bool) -> None:
    """Of two that Envoy draws with LEAST_REQUEST, it takes the one with less to do: the busy one gets a request if it
    is drawn twice, which is 100 of 400. More than 150, or less, are six standard deviations from that, and five from
    the 200 that chance alone would give."""
    busy, free = await mesh.instance("a"), await mesh.instance("b")
    name = f"busy-{simple.lower().replace('_', '-')}"
    await mesh.add(name, {"loadBalancer": {"simple": simple}}, (busy, free))
    busy.held = "/long"
    busy.gate.clear()
    async with asyncio.TaskGroup() as tasks:
        while not busy.waiting:
            tasks.create_task(mesh.ask(name, "/long"))
            await asyncio.sleep(0.02)
        seen = await counted(mesh, name, 400)
        busy.gate.set()
    assert (seen["a"] < 150) is busy_gets_less


NEW: Mapping[str, Mapping[str, object]] = {
    "warming": {"warmup": {"duration": f"{WINDOW:g}s", "minimumPercent": 1}},
    "warming-as-before": {"warmupDurationSecs": f"{WINDOW:g}s"},
}
"""Both spellings."""


@proves(
    "DestinationRule",
    "spec.trafficPolicy.loadBalancer.warmup.duration",
    "spec.trafficPolicy.loadBalancer.warmupDurationSecs",
)
@pytest.mark.parametrize("name", NEW)
async def test_a_new_instance_gets_less_at_first(mesh: PolicyMesh, name: str) -> None:
    """Taking turns is exact. In the first half of the window it has at most half the weight of the other one."""
    rule = {"host": name, "trafficPolicy": {"loadBalancer": {"simple": "ROUND_ROBIN", **NEW[name]}}}
    old = await mesh.instance("old")
    await mesh.add_rule(name, rule, (old,))
    known = time.monotonic()

    async def is_old() -> bool:
        return time.monotonic() - known > WINDOW

    async def gets_less() -> bool:
        """With a new instance each time. A machine that is too slow to ask within half a window tries again."""
        new = await mesh.instance("new")
        began = time.monotonic()
        mesh.write(name, rule, (old, new))
        while (await mesh.ask(name)).instance != "new":
            assert time.monotonic() - began < 3 * WINDOW, "the new instance got nothing at all"
        seen = await counted(mesh, name, 30)
        if time.monotonic() - began > WINDOW / 2:
            return False
        assert seen["new"] <= 11, "a third of 30, and one that was due"
        return True

    async def has_its_part() -> bool:
        return await counted(mesh, name, 30) == {"old": 15, "new": 15}

    await mesh.until(is_old, "the end of the first instance's window")
    await mesh.until(gets_less, "less for a new instance")
    await mesh.until(has_its_part, "the whole part of the new instance")


@proves("DestinationRule", "spec.trafficPolicy.loadBalancer.warmup.minimumPercent")
async def test_a_new_instance_has_at_least_so_much(mesh: PolicyMesh) -> None:
    """All of it."""
    warmup = {"duration": "3600s", "minimumPercent": 100}
    rule = {"host": "at-least", "trafficPolicy": {"loadBalancer": {"simple": "ROUND_ROBIN", "warmup": warmup}}}
    old, new = await mesh.instance("old"), await mesh.instance("new")
    await mesh.add_rule("at-least", rule, (old,))
    mesh.write("at-least", rule, (old, new))
    await mesh.answered_only_by("at-least", "old", "new")
    assert await counted(mesh, "at-least", 30) == {"old": 15, "new": 15}
