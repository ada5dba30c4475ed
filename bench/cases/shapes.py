"""Istio-shaped meshes: each compiled in a new process, and then changed by one file, again and again.

``compile`` is the Mesh to the bytes of every resource of the one proxy that is asked for, ``from text`` begins with the
files. ``one change`` is from the text of the changed file to the bytes of the responses that it causes.
"""

from __future__ import annotations

from functools import partial

from bench.case import Case, Figure, Samples, Size
from bench.changes import follow
from bench.plane import Plane, responses
from bench.shapes import SHAPES, Shape
from bench.stopwatch import Stopwatch


def _measure(shape: Shape, size: Size) -> Samples:
    watch, plane = Stopwatch(), Plane()
    with watch.lap("from text"):
        plane.fold(plane.parse(shape.files(size)))
        with watch.lap("compile"):
            sent = sum(map(len, responses(plane.compile(shape.proxy))))
    watch.add("sent", sent / 1e6)
    changes = follow(plane, shape.proxy, partial(shape.change, size), size.changes // size.processes)
    return {**watch.samples, "one change": changes["text to bytes"]}


_FIGURES = (
    Figure("compile", "ms"),
    Figure("from text", "ms"),
    Figure("sent", "MB"),
    Figure("one change", "ms"),
)

CASES: tuple[Case, ...] = tuple(
    Case(name=shape.name, figures=_FIGURES, measure=partial(_measure, shape), cold=True) for shape in SHAPES
)
