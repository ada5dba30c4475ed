"""How an Envoy is ended without a failed request.

First it fails its health checks and asks clients to go: it says ``connection: close`` and GOAWAY, while it still
accepts (Envoy's graceful drain). Once nothing is under way any more, or the time is over, it is told to end.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

import structlog

from xds.agent.envoy.admin import Admin
from xds.agent.http.client import HttpError

LEAST_SECONDS: Final = 1.0
"""Whoever is on the way does not know yet: so long, that nothing is under way means nothing."""

_LOOK_SECONDS: Final = 0.1

_log = structlog.get_logger("xds.agent")


async def drain(admin: Admin, seconds: float, *, inbound_only: bool) -> None:
    """Returns when Envoy may be told to end, after ``seconds`` at most. What goes wrong is logged.

    inbound_only: what the workload sends may still go out, as it does its last work.
    """
    deadline = time.monotonic() + seconds
    _log.info("draining: Envoy asks its clients to go", most_seconds=seconds)
    try:
        await admin.fail_health_checks()
        await admin.drain_listeners(inbound_only=inbound_only)
    except HttpError as error:
        _log.warning("Envoy cannot be drained, and is ended at once", reason=str(error))
        return
    await asyncio.sleep(min(seconds, LEAST_SECONDS))
    left = 0
    while (now := time.monotonic()) < deadline:
        try:
            left = await admin.busy()
        except HttpError as error:
            _log.warning("Envoy does not say any more what is under way", reason=str(error))
            return
        if not left:
            _log.info("drained: nothing is under way")
            return
        await asyncio.sleep(min(_LOOK_SECONDS, deadline - now))
    _log.info("the time for draining is over", under_way=left)
