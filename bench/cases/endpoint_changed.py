"""One endpoint is not ready any more: from the text of its EndpointSlice to the bytes of the response for a sidecar."""

from __future__ import annotations

from bench.case import Case, Figure, Samples, Size
from bench.changes import measure_changes
from bench.documents import App


def _fail(app: App, number: int) -> tuple[str, str]:
    return app.path("endpoints"), app.endpoint_slice(unready=number % app.endpoints)


def measure(size: Size) -> Samples:
    return measure_changes(size, _fail)


CASE = Case(
    name="endpoint changed",
    figures=(
        Figure("text to bytes", "ms", goal=2),
        Figure("parse", "ms"),
        Figure("fold", "ms"),
        Figure("compile", "ms"),
        Figure("diff", "ms"),
    ),
    measure=measure,
)
