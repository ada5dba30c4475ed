"""One VirtualService changed its weights: from the text of its file to the bytes of the response for a sidecar."""

from __future__ import annotations

from bench.case import Case, Figure, Samples, Size
from bench.changes import measure_changes
from bench.documents import App


def _shift(app: App, number: int) -> tuple[str, str]:
    return app.path("virtual-service"), app.virtual_service(share=11 + number % 80)


def measure(size: Size) -> Samples:
    return measure_changes(size, _shift)


CASE = Case(
    name="VirtualService changed",
    figures=(
        Figure("text to bytes", "ms", goal=10),
        Figure("parse", "ms"),
        Figure("fold", "ms"),
        Figure("compile", "ms"),
        Figure("diff", "ms"),
    ),
    measure=measure,
)
