"""The outcome of the check, a line for each thing that was verified."""

from __future__ import annotations

from rich.console import Console

from xds.app.demo.check import Outcome
from xds.app.demo.errors import DemoError


class Report:
    """Prints as it goes and counts what failed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._failed = 0

    def outcome(self, outcome: Outcome) -> None:
        """A step has been performed."""
        self._failed += bool(outcome.problem)
        self._print(str(outcome))

    def ok(self, text: str) -> None:
        """Something else is as it has to be."""
        self._print(f"ok   {text}")

    def problem(self, text: str) -> None:
        """Something else is not."""
        self._failed += 1
        self._print(f"FAIL {text}")

    def require_success(self) -> None:
        """Raises DemoError if anything failed."""
        if self._failed:
            raise DemoError(f"{self._failed} of the demo's checks failed.")

    def _print(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)
