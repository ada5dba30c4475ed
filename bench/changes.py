"""A warm mesh in which one file changes, again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bench.case import Samples, Size
from bench.documents import App, apps, mesh_files, sidecar_of
from bench.plane import Plane, responses
from bench.stopwatch import Stopwatch
from xds.app import garbage
from xds.model.proxy import Proxy

Change = Callable[[App, int], tuple[str, str]]
"""A service and the number of the change, to a path and its new text, another than that of the change before."""

NumberedChange = Callable[[int], tuple[str, str]]
"""The number of the change, counted from 0, to the same."""

_WARM_UP = 5


def measure_changes(size: Size, change: Change) -> Samples:
    """Time from a changed file's text to the responses it causes: in all, and in parts. One service after another."""
    plane, every = Plane(), apps(size)
    proxy = sidecar_of(every[0])
    plane.fold(plane.parse(mesh_files(size)))
    return follow(plane, proxy, lambda number: change(every[number * 7 % len(every)], number), size.changes)


def follow(plane: Plane, proxy: Proxy, change: NumberedChange, count: int) -> Samples:
    """The same for a plane that has its configuration: ``count`` changes, after some to warm up."""
    before = plane.compile(proxy)
    garbage.keep_what_is_there()
    watch = Stopwatch()
    for number in range(_WARM_UP + count):
        path, text = change(number)
        lap = watch if number >= _WARM_UP else Stopwatch()
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
