"""A clock for some processes alone, which can be set: libfaketime of Debian, loaded before the C library.

Monotonic clocks go on as they do on a machine whose clock is set. The machine's own clock is never touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_LIBRARIES: Final = tuple(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))

LOOKED_SECONDS: Final = 1.0
"""How often a process looks at what the time is to be."""


def missing() -> str:
    """Why clocks cannot be set here; empty if they can."""
    return "" if _LIBRARIES else "needs libfaketime to set a clock for a process alone (Debian: libfaketime)"


class SetClock:
    """The clock of the processes that have `environment`. file: which tells them what the time is."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)

    def set(self, seconds: float) -> None:
        """How far it is ahead of the machine's; negative: behind."""
        part = self._file.with_suffix(".part")
        part.write_text(f"{seconds:+g}\n")
        part.rename(self._file)

    @contextmanager
    def jumped(self, seconds: float) -> Iterator[None]:
        """Set while the context is open."""
        self.set(seconds)
        try:
            yield
        finally:
            self.set(0)

    @property
    def environment(self) -> Mapping[str, str]:
        """Nothing where clocks cannot be set."""
        if not _LIBRARIES:
            return {}
        return {
            "LD_PRELOAD": str(_LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": f"{LOOKED_SECONDS:g}",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
