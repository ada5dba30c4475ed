"""A sidecar of another namespace connects to a control plane that has compiled one already.

``same namespace`` is a sidecar of another service in the first one's namespace. Both see the same services, so what
they share is not built again.
"""

from __future__ import annotations

from bench.case import Case, Figure, Samples, Size
from bench.documents import apps, mesh_files, sidecar_of
from bench.plane import Plane, responses
from bench.stopwatch import Stopwatch


def measure(size: Size) -> Samples:
    every, watch, plane = apps(size), Stopwatch(), Plane()
    plane.fold(plane.parse(mesh_files(size)))
    plane.compile(sidecar_of(every[0]))
    with watch.lap("same namespace"):
        list(responses(plane.compile(sidecar_of(every[1]))))
    with watch.lap("other namespace"):
        list(responses(plane.compile(sidecar_of(every[-1]))))
    return watch.samples


CASE = Case(
    name="second sidecar",
    figures=(Figure("same namespace", "ms"), Figure("other namespace", "ms")),
    measure=measure,
    cold=True,
)
