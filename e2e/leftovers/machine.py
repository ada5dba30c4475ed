"""What tests could leave on this machine, to be compared before and after."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

_OTHERS = re.compile(r"docker|\bbr-|\bveth", re.IGNORECASE)
"""An engine of Docker may come and go meanwhile, with links and rules of its own."""


def state(pid: int) -> dict[str, set[str]]:
    """By kind, all that there is; of namespaces, those of a run, whose process has this id."""
    temporary = Path(tempfile.gettempdir())
    mounted = {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    return {
        "temporary files": {path.name for path in temporary.iterdir()},
        "mounts": {point for point in mounted if Path(point).is_relative_to(temporary)},
        "namespaces": {str(path) for place in ("run", "etc") for path in Path(f"/{place}/netns").glob(f"*-{pid}-*")},
        "links": {link.name for link in Path("/sys/class/net").iterdir() if not _OTHERS.search(link.name)},
        "rules": _rules("iptables-save") | _rules("ip6tables-save"),
    }


def maps_shared_memory(pid: int) -> bool:
    """Whether a process has files that would stay, if it is killed, until the machine is started anew."""
    return "/dev/shm/" in Path(f"/proc/{pid}/maps").read_text()


def _rules(program: str) -> set[str]:
    """Of the network that this process is in; none where there cannot be any."""
    if os.geteuid() != 0 or shutil.which(program) is None:
        return set()
    saved = subprocess.run((program,), capture_output=True, text=True, check=True).stdout.splitlines()
    return {line for line in saved if line.startswith("-A") and not _OTHERS.search(line)}
