"""What all faults have in common: a page for what they cost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.faults.table import Measured, write


@pytest.fixture(scope="session")
def measured() -> Iterator[list[Measured]]:
    """Takes the figures of each test."""
    rows: list[Measured] = []
    yield rows
    write(rows)
