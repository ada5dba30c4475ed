"""Gives memory back that was needed to start.

Most of what an agent holds is program code: large libraries, of which a page that was read once stays in the process's
account for ever. The kernel is told that none of it is needed now; what is used again is there again at once, from the
file's pages, which all agents of a machine share anyway.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MADV_DONTNEED: Final = 4

_CODE: Final = "r-xp"
"""Never the pages that are written while a library is loaded: those would be lost."""


def give_back() -> None:
    """Returns at once. Whatever cannot be given back stays."""
    gc.collect()
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):  # glibc's
        libc.malloc_trim(0)
    for start, size in code_of(Path("/proc/self/maps").read_text()):
        libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), MADV_DONTNEED)


def code_of(maps: str) -> Iterator[tuple[int, int]]:
    """Start and size of what is mapped from files to be run. maps: as in ``proc_pid_maps(5)``."""
    for line in maps.splitlines():
        place, rights, _, _, inode, *_ = line.split()
        if rights == _CODE and inode != "0":
            start, end = (int(part, 16) for part in place.split("-"))
            yield start, end - start
