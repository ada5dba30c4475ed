"""How the tests' sidecars are exempted from the capture of their workloads' traffic."""

from __future__ import annotations

import sys

PROXY_GROUP = 1337
"""The group whose traffic is not captured: the proxy's own.

A group and not a user, so that the proxy can read files of whoever runs the tests.
"""

CAPTURE = (sys.executable, "-m", "xds.app.cli", "capture", "apply", "--proxy-gid", str(PROXY_GROUP))
"""What a workload's host runs before its sidecar starts."""


def as_proxy(*argv: str) -> tuple[str, ...]:
    """``argv`` in the proxy's group. A change of group ends the leash that the process is on, so it gets a new one."""
    return ("setpriv", "--regid", str(PROXY_GROUP), "--clear-groups", "--pdeathsig", "KILL", *argv)
