"""A fixture around the whole of a test run, which finds what the run leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from e2e.leftovers.places import clear, left_in
from e2e.leftovers.processes import VARIABLE, end_all, marked, with_mark
from examples.bookinfo.topology import REPOSITORY

_ENDING_SECONDS = 5.0
"""So long may processes take that have been told to end, or see by themselves that they have to."""


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fails the last test if processes, temporary files, mounts or namespaces of the run are left, and removes them."""
    tmp_path_factory.getbasetemp()  # pytest's own folder stays where it is
    mark, folder = uuid.uuid4().hex, Path(tempfile.mkdtemp(prefix="run-"))
    folder.chmod(0o711)  # some Envoys have a user of their own
    with _warden(mark, folder), _terminated_as_interrupted(), pytest.MonkeyPatch.context() as patched:
        patched.setenv(VARIABLE, with_mark(mark))
        patched.setenv("TMPDIR", str(folder))
        patched.setattr(tempfile, "tempdir", str(folder))
        yield
        running = _still_running(mark)
        left = [*running, *left_in(folder, os.getpid())]
        end_all(mark)
        clear(folder, os.getpid())
    if left:
        pytest.fail("\n".join(("tests have left behind:", *left)), pytrace=False)


@contextmanager
def _warden(mark: str, folder: Path) -> Iterator[None]:
    """Clears up if this process is killed. In a session of its own, so that nobody takes it for a part of the run."""
    argv = (sys.executable, "-m", "e2e.leftovers.warden", str(os.getpid()), mark, str(folder))
    with subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"watching\n"
        try:
            yield
        finally:
            process.kill()


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM is Ctrl-C: tests are torn down."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _still_running(mark: str) -> list[str]:
    deadline = time.monotonic() + _ENDING_SECONDS
    while (found := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return [f"{pid}: {command}" for pid, command in found.items()]
