"""The address from which Envoy hands over by IPv6 what it has taken in.

All of 127.0.0.0/8 is the machine's own, so that 127.0.0.6 is there; of IPv6 only ::1 is, so that ::6 has to be added.
"""

from __future__ import annotations

import subprocess
from typing import Final

from xds.agent.capture.netfilter import NetfilterError, find_program

ADDRESS: Final = "::6/128"
_TIMEOUT_SECONDS: Final = 10


def add_source_address() -> None:
    """Gives it to the loopback interface of this network namespace. Raises NetfilterError."""
    _ip("replace", ADDRESS)


def remove_source_address() -> None:
    """Takes it away, if it is there. Raises NetfilterError."""
    if _ip("show", "to", ADDRESS):
        _ip("del", ADDRESS)


def _ip(verb: str, *arguments: str) -> str:
    argv = (find_program("ip", "iproute2"), "-6", "address", verb, *arguments, "dev", "lo")
    done = subprocess.run(  # noqa: S603 - a fixed program with fixed arguments
        argv, capture_output=True, text=True, check=False, timeout=_TIMEOUT_SECONDS
    )
    if done.returncode:
        raise NetfilterError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout
