"""CPU time and memory of this process."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_KILOBYTES = 1024


class Stopwatch:
    """Collects samples by name: milliseconds of CPU time, user and system, of all threads."""

    def __init__(self) -> None:
        self._samples: dict[str, list[float]] = {}

    @property
    def samples(self) -> Mapping[str, Sequence[float]]:
        return self._samples

    @contextmanager
    def lap(self, name: str) -> Iterator[None]:
        """Measures the block. Laps may be nested."""
        start = time.process_time_ns()
        yield
        self.add(name, (time.process_time_ns() - start) / 1e6)

    def add(self, name: str, value: float) -> None:
        """A sample measured otherwise."""
        self._samples.setdefault(name, []).append(value)


def peak_rss() -> float:
    """The most memory that this process has had resident, in MB (Linux, ``VmHWM``)."""
    return _status("VmHWM")


def current_rss() -> float:
    """The memory that this process has resident, in MB (Linux, ``VmRSS``)."""
    return _status("VmRSS")


def _status(field: str) -> float:
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    values = dict(line.split(":", 1) for line in lines)
    return int(values[field].split()[0]) / _KILOBYTES
