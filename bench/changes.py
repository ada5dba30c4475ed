"""A warm mesh in which one file changes, again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bench.case import Samples, Size
from bench.documents import App, apps, mesh_files, sidecar_of
from bench.plane import Plane, responses
from bench.stopwatch import Stopwatch
from xds.app import garbage

Change = Callable[[App, int], tuple[str, str]]
"""A service and the number of the change, to a path and its new text, another than that of the change before."""

_WARM_UP = 5


def measure_changes(size: Size, change: Change) -> Samples:
    """Time from a changed file's text to the responses it causes: in all, and in parts. One service after another."""
    plane, every = Plane(), apps(size)
    proxy = sidecar_of(every[0])
    plane.fold(plane.parse(mesh_files(size)))
    before = plane.compile(proxy)
    garbage.keep_what_is_there()
    watch = Stopwatch()
    for number in range(-_WARM_UP, size.changes):
        path, text = change(every[number * 7 % len(every)], number)
        lap = watch if number >= 0 else Stopwatch()
        with lap.lap("text to bytes"):
            with lap.lap("parse"):
                parsed = plane.parse({path: text})
            with lap.lap("fold"):
                plane.fold(parsed)
            with lap.lap("compile"):
                after = plane.compile(proxy)
            with lap.lap("diff"):
                sent = list(responses(after, before))
        _expect_something(sent, path)
        before = after
        plane.tidy(proxy)
    return watch.samples


def _expect_something(sent: Iterable[bytes], path: str) -> None:
    if not any(sent):
        raise AssertionError(f"the change of {path} changed nothing")
