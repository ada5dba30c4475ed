"""Whether memory stays flat while streams are served: what the server's process grows by over 10,000 changes.

Every stream accepts every change, half of them of endpoints and half of routes. A tenth as many go before, to let the
process settle.
"""

from __future__ import annotations

from dataclasses import replace

from bench.case import Case, Figure, Samples, Size
from bench.fanout.measure import FanOut

_ROUNDS = 50
_SETTLED = 0.1


def measure(size: Size) -> Samples:
    fan_out, changes = FanOut("delta", max(1, size.streams // 100), 1), size.changes * _ROUNDS
    mesh = replace(size, services=size.services // 10)
    return {"growth": [fan_out.growth(mesh, changes, settled=int(changes * _SETTLED))]}


CASE = Case(name="memory over changes, streams", figures=(Figure("growth", "MB", goal=5),), measure=measure)
