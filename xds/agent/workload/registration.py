"""A stream to the control plane: it says how the workload is to be looked at, and is told what was seen.

As long as it is there, the workload is registered in its WorkloadGroup.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from typing import Final

import structlog
from grpc import aio  # type: ignore[import-untyped]  # grpcio ships no types

from xds.agent.identity.attempt import AttemptError
from xds.agent.workload.prober import Look, watch
from xds.agent.workload.wire import WireError, health, probe_in, subscription
from xds.model.probes import Probe
from xds.wire.core_pb2 import Node

METHOD: Final = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 5.0
"""As Envoy's: a control plane that began anew does not know the workload until it is told."""

_ENDING: Final = "the agent ends"

_log = structlog.get_logger("xds.agent")

Connect = Callable[[], aio.Channel]
"""Opens a connection on which the workload proves who it is. Raises AttemptError."""


class Registration:
    """See the module. node, group: who registers, and where. look: at the workload.

    What was seen last is told again whenever the stream begins anew; nothing is, as long as nothing is known. The
    control plane takes the workload for unhealthy until it is told something.
    """

    def __init__(self, connect: Connect, node: Node, group: str, look: Look) -> None:
        self._connect = connect
        self._node = node
        self._group = group
        self._look = look
        self._heard = False
        self._probe: Probe | None = None
        self._watching: asyncio.Task[None] | None = None
        self._problem: str | None = None
        self._told = asyncio.Event()
        self._ending = False

    def end(self) -> None:
        """From now on the workload is not to get requests, as it will be gone soon."""
        self._ending = True
        self._tell(_ENDING)

    async def run(self) -> None:
        """Until it is cancelled. A control plane that is gone is looked for again, for ever."""
        failures = 0
        try:
            while True:
                try:
                    async with self._connect() as channel:
                        call = channel.stream_stream(METHOD)(self._requests())
                        async for response in call:
                            failures = 0
                            await self._take(probe_in(response))
                    reason = "the control plane ended the stream"
                except aio.AioRpcError as error:
                    reason = f"{error.code().name}: {error.details()}"
                except (AttemptError, WireError) as error:
                    reason = str(error)
                if not failures:
                    _log.warning("the workload's health cannot be told for now", reason=reason)
                pause = min(_FIRST_PAUSE * 2 ** min(failures, 16), _LONGEST_PAUSE)
                failures += 1
                await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - it spreads load
        finally:
            await self._no_longer()

    async def _requests(self) -> AsyncIterator[bytes]:
        yield subscription(self._node, self._group)
        while True:
            self._told.clear()
            if self._problem is not None:
                yield health(self._problem)
            await self._told.wait()

    async def _take(self, probe: Probe | None) -> None:
        """A probe that did not change goes on as it is, whoever says it again."""
        if self._heard and probe == self._probe:
            return
        await self._no_longer()
        self._heard, self._probe = True, probe
        if probe is None:
            _log.info("the workload's group has no probe: it counts as healthy", group=self._group)
            self._tell("")
        else:
            _log.info("the workload is looked at", group=self._group, every_seconds=probe.period)
            self._watching = asyncio.create_task(watch(probe, self._look, self._tell))

    def _tell(self, problem: str) -> None:
        self._problem = _ENDING if self._ending else problem
        self._told.set()

    async def _no_longer(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
            self._watching = None
