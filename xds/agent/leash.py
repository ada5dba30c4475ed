"""Runs a program that ends with its parent, however the parent ends.

``python -I leash.py [--uid UID:GID] PARENT_PID PROGRAM ARG...``

A file on its own, run by path, so that no package is imported. It asks the kernel for SIGKILL on the parent's death
(``prctl(2)``, PR_SET_PDEATHSIG, which survives ``execve``) and then becomes the program. The alternative, a function
run between fork and exec, may deadlock in a parent that has threads. A user of its own comes first: to become another
one takes the leash off.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Becomes the program. Exits with a message if it cannot, or if the parent is gone already."""
    arguments = sys.argv[1:]
    if arguments[0] == "--uid":
        _become(arguments[1])
        arguments = arguments[2:]
    parent, program, *rest = arguments
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0:
        raise SystemExit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != int(parent):
        raise SystemExit("the parent ended before it could be watched")
    try:
        os.execvp(program, [program, *rest])  # noqa: S606 - no shell is wanted
    except OSError as error:
        raise SystemExit(f"cannot run {program}: {error.strerror}") from None


def _become(user: str) -> None:
    uid, _, gid = user.partition(":")
    try:
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    except OSError as error:
        raise SystemExit(f"cannot become user {user}: {error.strerror}") from None


if __name__ == "__main__":
    main()
