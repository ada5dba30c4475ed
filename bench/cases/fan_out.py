"""One endpoint changes, and 1,000 delta streams are to know: how long until the last has it, and what each costs.

Every stream is a sidecar's, replicas of one workload, with the clusters, endpoints, listeners and routes of 100
services (0.5 MB) subscribed and accepted. ``CPU once`` is what the change takes until the resources of
the view that they share are there; ``CPU per stream`` is all that the server's process uses from then until the last
acceptance is taken in, user and system, by the number of streams. ``last byte`` and ``connected`` are
times of the clock, until the last of the clients, in one process, has received what it is to receive; there the server
shares two cores with them. ``connected`` is from the first connection to the last stream being configured, from
clusters to routes, each beginning with an Envoy's node of 61 kB. ``floor`` is what gRPC for Python takes for the same
messages.

An Envoy has a connection of its own, a proxy or balancer in between has few: both are measured, as gRPC needs a part of
its time and memory for each connection.
"""

from __future__ import annotations

from dataclasses import replace

from bench.case import Case, Samples, Size
from bench.fanout.measure import FanOut, figures, with_floor

_STREAMS_PER_CONNECTION = 100


def _fan_out(size: Size, connections: int) -> Samples:
    fan_out = FanOut("delta", size.streams, connections)
    return with_floor(fan_out, replace(size, services=size.services // 10), "endpoint", size.changes // 5)


def few_connections(size: Size) -> Samples:
    return _fan_out(size, max(1, size.streams // _STREAMS_PER_CONNECTION))


def own_connections(size: Size) -> Samples:
    return _fan_out(size, size.streams)


_FIGURES = figures({"connected": 5, "last byte": 120, "CPU per stream": 80, "memory per stream": 40})

FEW_CONNECTIONS = Case(name="fan-out, few connections", figures=_FIGURES, measure=few_connections)
OWN_CONNECTIONS = Case(name="fan-out, own connections", figures=_FIGURES, measure=own_connections)
