"""Runs a program that ends with its parent, however the parent ends: ``python -I leash.py PARENT_PID PROGRAM ARG...``.

A file on its own, run by path, so that no package is imported. It asks the kernel for SIGKILL on the parent's death
(``prctl(2)``, PR_SET_PDEATHSIG, which survives ``execve``) and then becomes the program. The alternative, a function
run between fork and exec, may deadlock in a parent that has threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Becomes the program. Exits with a message if it cannot, or if the parent is gone already."""
    parent, program, *arguments = sys.argv[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0:
        raise SystemExit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != int(parent):
        raise SystemExit("the parent ended before it could be watched")
    try:
        os.execvp(program, [program, *arguments])  # noqa: S606 - no shell is wanted
    except OSError as error:
        raise SystemExit(f"cannot run {program}: {error.strerror}") from None


if __name__ == "__main__":
    main()
