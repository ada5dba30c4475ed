"""Looks at a workload again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from xds.agent.workload.verdict import Verdict
from xds.model.probes import Probe

Look = Callable[[Probe], Awaitable[str]]
"""What is wrong with the workload, empty if nothing is."""

_log = structlog.get_logger("xds.agent")

Tell = Callable[[str], None]
"""Is told of each change: what is wrong, empty if the workload is healthy now."""


async def watch(probe: Probe, look: Look, tell: Tell) -> None:
    """Until it is cancelled. Nothing is told as long as nothing is known."""
    verdict = Verdict()
    await asyncio.sleep(probe.delay)
    while True:
        found = verdict.after(await look(probe), probe)
        if found.healthy is not None and found.healthy is not verdict.healthy:
            if found.healthy:
                _log.info("the workload is healthy")
            else:
                _log.warning("the workload is not healthy", reason=found.problem)
            tell("" if found.healthy else found.problem)
        verdict = found
        await asyncio.sleep(probe.period)
