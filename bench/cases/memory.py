"""Whether memory stays flat: what the process grows by over many changes, after as many that let it settle.

Half of the changes are of VirtualServices, half of endpoints.
"""

from __future__ import annotations

import gc

from bench.case import Case, Figure, Samples, Size
from bench.documents import App, apps, mesh_files, sidecar_of
from bench.plane import Plane
from bench.stopwatch import Stopwatch, current_rss

_ROUNDS = 10
_SETTLED = 0.5


def measure(size: Size) -> Samples:
    plane, every, watch = Plane(), apps(size), Stopwatch()
    plane.fold(plane.parse(mesh_files(size)))
    _change(plane, every, range(int(size.changes * _ROUNDS * _SETTLED)))
    settled = current_rss()
    _change(plane, every, range(size.changes * _ROUNDS))
    watch.add("growth", current_rss() - settled)
    return watch.samples


def _change(plane: Plane, every: tuple[App, ...], numbers: range) -> None:
    proxy = sidecar_of(every[0])
    for number in numbers:
        app = every[number * 7 % len(every)]
        if number % 2:
            plane.change(app.path("virtual-service"), app.virtual_service(11 + number % 89), proxy)
        else:
            plane.change(app.path("endpoints"), app.endpoint_slice(number % app.endpoints), proxy)
        plane.tidy(proxy)
    gc.collect()


CASE = Case(name="memory over changes", figures=(Figure("growth", "MB", goal=5),), measure=measure)
