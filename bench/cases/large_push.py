"""One cluster changes, and 200 streams are sent all clusters of 750 services (1 MB): state of the world demands it.

See `bench.cases.fan_out` for the figures. ``CPU per stream`` includes putting the response together, once for all.
"""

from __future__ import annotations

from dataclasses import replace

from bench.case import Case, Samples, Size
from bench.fanout.measure import FanOut, figures, with_floor

_STREAMS_PER_CONNECTION = 100


def measure(size: Size) -> Samples:
    streams = size.streams // 5
    connections = max(1, streams // _STREAMS_PER_CONNECTION)
    mesh = replace(size, services=size.services * 3 // 4)
    return with_floor(FanOut("sotw", streams, connections), mesh, "cluster", size.changes // 10)


CASE = Case(name="push of 1 MB", figures=figures({"CPU per stream": 400}), measure=measure)
