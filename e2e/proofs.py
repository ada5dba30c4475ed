"""Says of a test which fields of Istio's kinds it proves with traffic; `make docs` puts it into the table of fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

F = TypeVar("F", bound=Callable[..., object])


def proves(kind: str, *fields: str) -> Callable[[F], F]:
    """Marks a test: it fails if one of these fields of ``kind`` has no effect on traffic.

    fields: dotted paths as in the table of fields. The marks are read from the source, so they have to be literals.
    """
    assert kind
    assert fields

    def mark(test: F) -> F:
        return test

    return mark
