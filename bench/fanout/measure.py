"""Drives a server and its clients, and measures: once with the real server, once with the floor."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from types import MappingProxyType

from bench.case import Figure, Samples, Size
from bench.fanout.link import Answer, Child
from xds.resources import CLUSTER, ENDPOINT, ROUTE, TypeUrl

SERVER = "bench.fanout.server"
FLOOR = "bench.fanout.floor"

_CLIENTS = "bench.fanout.clients"
_WARM_UP = 2
_TYPES: Mapping[str, TypeUrl] = MappingProxyType({"endpoint": ENDPOINT, "route": ROUTE, "cluster": CLUSTER})
_KILO = 1000


@dataclass(frozen=True, slots=True)
class FanOut:
    """So many streams over so many connections. variant: ``delta`` or ``sotw``."""

    variant: str
    streams: int
    connections: int

    def measure(self, server_module: str, size: Size, kind: str, rounds: int) -> Samples:
        """The figures of `figures`, in their units.

        kind: what changes, see `bench.fanout.mesh.CHANGES`; rounds: how often. The last byte is taken when the last
        client has received it, and so includes what the clients do until then. The memory is that after the changes.
        """
        with self._connected(server_module, size) as pair:
            for number in range(_WARM_UP):
                pair.change(kind, number)
            changes = [pair.change(kind, number) for number in range(_WARM_UP, _WARM_UP + rounds)]
            grown = pair.server.ask("usage")["rss"] - pair.empty["rss"]
        return {
            "connected": [pair.connected],
            "last byte": [change.last_byte for change in changes],
            "CPU once": [change.made for change in changes],
            "CPU per stream": [change.cpu * _KILO / self.streams for change in changes],
            "memory per stream": [grown * _KILO / self.streams],
        }

    def growth(self, size: Size, rounds: int, settled: int) -> float:
        """By how many MB the real server's memory grows over so many changes, after as many as ``settled``."""
        with self._connected(SERVER, size) as pair:
            for number in range(settled):
                pair.change(("endpoint", "route")[number % 2], number)
            before = pair.server.ask("usage")["rss"]
            for number in range(settled, settled + rounds):
                pair.change(("endpoint", "route")[number % 2], number)
            grown: float = pair.server.ask("usage")["rss"] - before
        return grown

    @contextmanager
    def _connected(self, server_module: str, size: Size) -> Iterator[_Pair]:
        with Child(server_module, json.dumps(asdict(size))) as server, Child(_CLIENTS) as clients:
            started = server.ask("start")
            empty = server.ask("usage")
            configured = clients.ask("connect", **started, **asdict(self))
            server.ask("settled")
            yield _Pair(server, clients, empty, configured["last"] - configured["at"])


@dataclass(frozen=True, slots=True)
class _Change:
    """ms. last_byte: from its text being there to the last client having it. made: the server's CPU until the resources
    of one view are there, which all streams share. cpu: from then on, until all have accepted them."""

    last_byte: float
    made: float
    cpu: float


@dataclass(frozen=True, slots=True)
class _Pair:
    """A server and its clients. empty: what the server used without them; connected: seconds to configure them all."""

    server: Child
    clients: Child
    empty: Answer
    connected: float

    def change(self, kind: str, number: int) -> _Change:
        """Make a change, and wait until it has gone everywhere. The same as the last one would never arrive."""
        self.clients.ask("expect", type_url=_TYPES[kind])
        self.clients.tell("arrived")
        begun = self.server.ask("change", kind=kind, number=number)
        arrived = self.clients.hear()
        ended = self.server.ask("settled")
        return _Change((arrived["last"] - begun["at"]) * _KILO, begun["made"], ended["cpu"] - begun["cpu"])


def with_floor(fan_out: FanOut, size: Size, kind: str, rounds: int) -> Samples:
    """The figures of the real server, and of the floor under names that begin with ``floor: ``."""
    floor = fan_out.measure(FLOOR, size, kind, rounds)
    return {
        **fan_out.measure(SERVER, size, kind, rounds),
        **{f"floor: {name}": values for name, values in floor.items()},
    }


def figures(goals: Mapping[str, float]) -> tuple[Figure, ...]:
    """Of `with_floor`. goals: by name."""
    units = {"connected": "s", "last byte": "ms", "CPU once": "ms", "CPU per stream": "us", "memory per stream": "kB"}
    ours = [Figure(name, unit, goals.get(name)) for name, unit in units.items()]
    return (*ours, *(Figure(f"floor: {name}", unit) for name, unit in units.items()))
