"""Containers, networks and volumes of test runs, also of those that were killed: a project's name tells whose it is."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final

Docker = Callable[..., str]
"""Runs docker with arguments, to its end, and returns what it printed."""

_LABEL: Final = "com.docker.compose.project"
_LISTS: Final = {"container": ("ps", "-a"), "network": ("network", "ls"), "volume": ("volume", "ls")}
"""By kind, in the order in which they can be removed."""


def new_name(pid: int | None = None) -> str:
    """A name for a project of a process, by default this one."""
    return f"{_names_of(os.getpid() if pid is None else pid)}{uuid.uuid4().hex[:8]}"


def left(docker: Docker, project: str) -> list[str]:
    """The ids of what there is of a project."""
    return [each for kind in _LISTS for each in _ids(docker, kind, project)]


def projects_of(docker: Docker, pid: int) -> set[str]:
    """The projects that a process has made."""
    return {name for name in _projects(docker) if name.startswith(_names_of(pid))}


def running(docker: Docker, pid: int) -> list[str]:
    """The ids of containers of a process that run."""
    filters = (f"label={_LABEL}={project}" for project in projects_of(docker, pid))
    return " ".join(docker("ps", "--quiet", "--filter", each) for each in filters).split()


def remove_leftovers(docker: Docker) -> None:
    """Removes the projects of processes that are no more."""
    for name in _projects(docker):
        owner = re.fullmatch(rf"{_names_of(0).removesuffix('0-')}(\d+)-[0-9a-f]+", name)
        if owner and not Path("/proc", owner[1]).exists():
            remove(docker, name)


def remove(docker: Docker, project: str) -> None:
    """Removes all that there is of a project, whatever it does."""
    for kind in _LISTS:
        if ids := _ids(docker, kind, project):
            docker(kind, "rm", *(("--force", "--volumes") if kind == "container" else ()), *ids)


def _names_of(pid: int) -> str:
    """Others who use the engine may count processes anew, as containers do: their projects are not ours."""
    return f"pilothouse-{Path('/proc/self/ns/pid').stat().st_ino}-{pid}-"


def _ids(docker: Docker, kind: str, project: str) -> list[str]:
    return docker(*_LISTS[kind], "--quiet", "--filter", f"label={_LABEL}={project}").split()


def _projects(docker: Docker) -> set[str]:
    form = f'{{{{.Label "{_LABEL}"}}}}'
    listed = (docker(*argv, "--filter", f"label={_LABEL}", "--format", form) for argv in _LISTS.values())
    return set(" ".join(listed).split())
