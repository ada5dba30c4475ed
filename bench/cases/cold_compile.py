"""From nothing to the bytes of every resource of one sidecar, in a process that has compiled nothing before.

``compile`` is the Mesh to bytes: the view, every translator, assembling, and the response that carries it all. What
comes before is measured on its own: ``parse`` is text to documents, ``fold`` is documents to the Mesh (validation,
kinds, endpoints). ``from text`` is everything together. The memory is the whole process's peak, documents, Mesh and
resources included.
"""

from __future__ import annotations

from bench.case import Case, Figure, Samples, Size
from bench.documents import apps, mesh_files, sidecar_of
from bench.plane import Plane, responses
from bench.stopwatch import Stopwatch, peak_rss


def measure(size: Size) -> Samples:
    files, proxy = mesh_files(size), sidecar_of(apps(size)[0])
    watch, plane = Stopwatch(), Plane()
    with watch.lap("from text"):
        with watch.lap("parse"):
            parsed = plane.parse(files)
        with watch.lap("fold"):
            plane.fold(parsed)
        with watch.lap("compile"):
            sent = sum(map(len, responses(plane.compile(proxy))))
    watch.add("peak memory", peak_rss())
    watch.add("sent", sent / 1e6)
    return watch.samples


CASE = Case(
    name="cold compile",
    figures=(
        Figure("compile", "ms", goal=1500),
        Figure("parse", "ms"),
        Figure("fold", "ms"),
        Figure("from text", "ms"),
        Figure("peak memory", "MB", goal=300),
        Figure("sent", "MB"),
    ),
    measure=measure,
    cold=True,
)
