"""What a test run leaves in the file system and in the kernel: temporary files, what is mounted there, namespaces."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from e2e.capture.namespaces import leftovers_of, remove

_SHARED_MEMORY = Path("/dev/shm")


def mounted_below(folder: Path) -> list[str]:
    """Where something is mounted in a folder, the innermost first."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return sorted((point for point in points if Path(point).is_relative_to(folder)), key=len, reverse=True)


def left_in(folder: Path, pid: int) -> list[str]:
    """What the run of the process ``pid`` has left: files, mounts and namespaces."""
    files = [str(path) for path in folder.iterdir()] if folder.exists() else []
    return [*files, *mounted_below(folder), *leftovers_of(pid)]


def clear(folder: Path, pid: int) -> None:
    """Takes it all away, and the folder."""
    for name in leftovers_of(pid):
        remove(name)
    for point in mounted_below(folder):
        subprocess.run(("umount", "--lazy", point), check=False)
    shutil.rmtree(folder, ignore_errors=True)
    _forget_clocks()


def _forget_clocks() -> None:
    """libfaketime, by which faults set the clock of a process, leaves the memory that it shares if the process is
    killed; its name ends with the process's id."""
    for path in _SHARED_MEMORY.glob("*faketime_s[he]m_*"):
        if not Path("/proc", path.name.rpartition("_")[2]).exists():
            with suppress(FileNotFoundError, PermissionError):  # others clear up too, and may have files of theirs
                path.unlink()
