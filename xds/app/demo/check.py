"""Performs the steps of the demo on a running mesh."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from examples.bookinfo.topology import Step
from xds.app.demo.expectations import ExpectationError, Holds
from xds.app.demo.probes import live_at
from xds.app.demo.shop import Shop
from xds.app.demo.steps import CHECKS, StepChecks
from xds.app.demo.strict import steps_of

LIVE_SECONDS = 1.0
"""A change of configuration is live in every Envoy that it concerns within this time."""

_PATIENCE_SECONDS = 5.0
_BEFORE_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step went. live_after: seconds, 0 if it was in force before; None if it never was. problem: or empty."""

    step: Step
    live_after: float | None
    problem: str = ""

    def __str__(self) -> str:
        mark = "FAIL" if self.problem else "ok  "
        number = self.step.name.partition("-")[0]
        return f"{mark} {number} {self.step.title} ... {self.problem or self._live()}"

    def _live(self) -> str:
        return f"live after {self.live_after:.2f} s" if self.live_after else "in force from the start"


async def perform_all(shop: Shop) -> AsyncIterator[Outcome]:
    """All steps, in order, each with its outcome. A step that fails does not keep the next from being tried."""
    for step in steps_of(shop.plan):
        yield await perform(step, shop)


async def perform(step: Step, shop: Shop) -> Outcome:
    """Copies the step's files into the configuration folder, waits until it is live, and asks what must hold then."""
    checks = CHECKS[step.name]
    in_force = await _live_at(checks, shop, _BEFORE_SECONDS) is not None
    copied = time.monotonic()
    for file in sorted((shop.plan.steps / step.name).iterdir()):
        shutil.copyfile(file, shop.plan.config / file.name)
    live_at = await _live_at(checks, shop, _PATIENCE_SECONDS)
    if live_at is None:
        return Outcome(step, None, f"not live after {_PATIENCE_SECONDS:g} s: {await _problems(checks, shop)}")
    live_after = 0.0 if in_force else live_at - copied
    if live_after > LIVE_SECONDS:
        return Outcome(step, live_after, f"expected to be live within {LIVE_SECONDS:g} s; took {live_after:.2f} s")
    return Outcome(step, live_after, await _problems(checks, shop))


async def _live_at(checks: StepChecks, shop: Shop, seconds: float) -> float | None:
    """When the last of the probes showed the change; None if one did not."""
    times = await asyncio.gather(*(live_at(probe, shop, seconds) for probe in checks.probes))
    return None if None in times else max(time for time in times if time is not None)


async def _problems(checks: StepChecks, shop: Shop) -> str:
    """What does not hold, in sentences; empty if all does."""
    results = await asyncio.gather(*(_problem(holds, shop) for holds in checks.holds))
    return "; ".join(filter(None, results))


async def _problem(holds: Holds, shop: Shop) -> str:
    try:
        await holds(shop)
    except ExpectationError as error:
        return str(error)
    return ""
