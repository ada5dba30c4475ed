"""The processes of a test run, whoever has started them: they know it by their environment."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

VARIABLE = "PILOTHOUSE_TEST_RUNS"
"""The marks of the runs that a process belongs to, of which one may run inside another, with colons between."""

_ENDED_SECONDS = 10.0


def with_mark(mark: str) -> str:
    """The variable's value for the processes of a run that begins here."""
    return ":".join(filter(None, (os.environ.get(VARIABLE), mark)))


def marked(mark: str) -> dict[int, str]:
    """The processes that run: their command lines by their ids. Those that have ended are none, nor is this one."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid() and _has(entry, mark):
            with suppress(OSError):
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return found


def end_all(mark: str) -> None:
    """Kills them, and those that they start meanwhile. Returns when there are none; some may be others' to wait for."""
    deadline = time.monotonic() + _ENDED_SECONDS
    while (found := marked(mark)) and time.monotonic() < deadline:
        for pid in found:
            with _handle(pid) as handle:
                # by a handle, as the id may be another process's by now
                if handle is not None and _has(Path(f"/proc/{pid}"), mark):
                    with suppress(ProcessLookupError):
                        signal.pidfd_send_signal(handle, signal.SIGKILL)
        time.sleep(0.02)


@contextmanager
def _handle(pid: int) -> Iterator[int | None]:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield handle
    finally:
        os.close(handle)


def _has(entry: Path, mark: str) -> bool:
    """Others' environments cannot be read; who has ended has none."""
    try:
        variables = (entry / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
    marks = next((each for each in variables if each.startswith(f"{VARIABLE}=".encode())), b"")
    return mark.encode() in marks.partition(b"=")[2].split(b":")
