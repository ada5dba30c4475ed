"""A plugin of pytest by which every test fails when its fixtures are there: ``-p e2e.leftovers.failing``."""

from __future__ import annotations

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Instead of the test."""
    pytest.fail(f"{item.name} fails, as it is told to", pytrace=False)
