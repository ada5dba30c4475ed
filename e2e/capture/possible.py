"""Whether there can be network namespaces here, and what tests do where there cannot."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


def missing() -> str:
    """Why there can be no network namespaces here; empty if there can."""
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    programs = [name for name in ("ip", "iptables-restore", "setpriv", "unshare") if shutil.which(name) is None]
    if programs:
        return f"needs {', '.join(programs)} for network namespaces (Debian: iproute2, iptables, util-linux)"
    allowed = subprocess.run(("unshare", "--net", "--mount", "true"), stderr=subprocess.DEVNULL, check=False)
    return "needs CAP_SYS_ADMIN for network namespaces" if allowed.returncode else ""


def need_namespaces() -> None:
    """Skips the test, and says what it wants, where there can be none. `.ci/run` brings all of it, but for rights."""
    if reason := missing():
        pytest.skip(reason)
