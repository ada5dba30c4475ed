"""Envoy's secret discovery service, for the Envoy beside the workload: whoever may connect gets the secrets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from itertools import count
from typing import Final

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
import structlog

from xds.agent.identity.calls import Call, Handlers, guarded
from xds.agent.identity.holder import Identity
from xds.agent.identity.secrets import secrets_of
from xds.agent.identity.svid import State
from xds.protocol import DECODERS, Decode, Effect, Nacked, Send, Shared, Stream, Subscribed, Variant
from xds.protocol.limits import check_names
from xds.resources import SECRET, Snapshot
from xds.wire.discovery_pb2 import DiscoveryResponse

SERVICE: Final = "envoy.service.secret.v3.SecretDiscoveryService"

_log = structlog.get_logger("xds.agent")


class SecretDiscovery:
    """Serves what an `Identity` has, as it changes. Before there is anything, Envoys wait."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._shared = Shared()
        self._numbers = count(1)
        self._made: tuple[State, Snapshot | None] | None = None

    def handlers(self) -> Handlers:
        """By method."""
        return {
            "StreamSecrets": grpc.stream_stream_rpc_method_handler(self._streaming(Variant.SOTW)),
            "DeltaSecrets": grpc.stream_stream_rpc_method_handler(self._streaming(Variant.DELTA)),
            "FetchSecrets": grpc.unary_unary_rpc_method_handler(self.fetch),
        }

    def latest(self) -> Snapshot | None:
        """The same object until the identity changes, for all streams."""
        state = self._identity.state
        if self._made is None or self._made[0] is not state:
            self._made = state, secrets_of(state)
        return self._made[1]

    async def fetch(self, data: bytes, call: Call) -> bytes:
        """``FetchSecrets``: those that are asked for, once."""
        async with guarded(call):
            request = DECODERS[Variant.SOTW](data).request
            snapshot = self.latest()
            if snapshot is None:
                await call.abort(grpc.StatusCode.UNAVAILABLE, "the workload has no certificate yet")
            stream = self._stream(Variant.SOTW)
            effects = [*stream.receive_snapshot(snapshot, 0.0), *stream.receive_request(request, 0.0)]
            answers = (effect.encode() for effect in effects if isinstance(effect, Send))
            return next(answers, None) or DiscoveryResponse(type_url=SECRET).SerializeToString()

    def _stream(self, variant: Variant) -> Stream:
        return Stream(variant, self._shared, SECRET, f"{next(self._numbers):x}-")

    def _streaming(self, variant: Variant) -> Callable[[object, Call], object]:
        async def handle(_: object, call: Call) -> None:
            async with guarded(call):
                await _Session(self, self._stream(variant), DECODERS[variant], call).run(self._identity)

        return handle


class _Session:
    """One stream: what it hears and what is new goes into the machine, in one task, and what comes out is written."""

    def __init__(self, source: SecretDiscovery, machine: Stream, decode: Decode, call: Call) -> None:
        self._source = source
        self._machine = machine
        self._decode = decode
        self._call = call
        self._now = asyncio.get_running_loop().time
        self._seen: Snapshot | None = None

    async def run(self, identity: Identity) -> None:
        """Until the client ends it."""
        woken = asyncio.Event()
        woken.set()
        end = identity.subscribe(woken.set)
        reading, waking = asyncio.ensure_future(self._call.read()), asyncio.ensure_future(woken.wait())
        try:
            while True:
                await asyncio.wait({reading, waking}, timeout=self._left(), return_when=asyncio.FIRST_COMPLETED)
                if waking.done():
                    woken.clear()
                    waking = asyncio.ensure_future(woken.wait())
                    await self._carry_out(self._look())
                if reading.done():
                    data = reading.result()
                    if not isinstance(data, bytes):
                        return
                    reading = asyncio.ensure_future(self._call.read())
                    await self._carry_out(self._machine.receive_request(self._decode(data).request, self._now()))
                await self._carry_out(self._machine.tick(self._now()))
        finally:
            end()
            self._machine.close()
            for task in (reading, waking):
                task.cancel()
            await asyncio.gather(reading, waking, return_exceptions=True)

    def _left(self) -> float | None:
        """Seconds until the machine wants to be asked."""
        deadline = self._machine.next_deadline
        return None if deadline is None else max(0.0, deadline - self._now())

    def _look(self) -> Iterable[Effect]:
        snapshot = self._source.latest()
        if snapshot is None or snapshot is self._seen:
            return ()
        self._seen = snapshot
        return self._machine.receive_snapshot(snapshot, self._now())

    async def _carry_out(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send():
                    await self._call.write(effect.encode())
                case Nacked():
                    _log.error("Envoy does not take a secret", reason=effect.error.message)
                case Subscribed():
                    check_names(effect.names)
                case _:
                    pass
