"""Pilothouse as a user runs it: this checkout's, or that of another release beside it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from examples.bookinfo.topology import REPOSITORY
from xds.app.demo.processes import Command


@dataclass(frozen=True, slots=True)
class Program:
    """source: the folder with its packages. python: the interpreter that has what they need. under: a command line that
    runs the one that follows it."""

    source: Path
    python: str = sys.executable
    under: tuple[str, ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        """In which its packages come before those that are installed."""
        return {"PYTHONPATH": str(self.source)}

    def argv(self, *arguments: str) -> tuple[str, ...]:
        """The command line of ``pilothouse ARGUMENTS``."""
        return (*self.under, self.python, "-m", "xds.app.cli", *arguments)

    def command(self, name: str, *arguments: str) -> Command:
        """``pilothouse ARGUMENTS`` as a child with this name."""
        return Command(name, self.argv(*arguments), self.source, self.environment)


HERE = Program(REPOSITORY)
