"""A running project of docker-compose, from the side of whoever operates it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.compose.leftovers import left, new_name, remove_leftovers
from examples.bookinfo.topology import REPOSITORY

_CAPTURED = REPOSITORY / "examples" / "bookinfo" / "captured"
_UP_SECONDS = 600
_IMAGES = ("control-plane", "productpage-v1", "productpage-v1-sidecar")
"""Services whose images are those of all."""

_STEP_SECONDS = 300


@dataclass(frozen=True)
class Project:
    """name: by which Docker knows its containers, networks and volumes. mesh: the folder of its configuration.

    shop, issuer: URLs on this machine.
    """

    name: str
    mesh: Path
    shop: str
    issuer: str
    environment: Mapping[str, str]

    def compose(self, *arguments: str, seconds: float = _STEP_SECONDS) -> str:
        """Runs docker-compose to its end, and returns what it printed. It has to succeed."""
        argv = (_compose(), "--project-name", self.name, "--project-directory", str(REPOSITORY), *arguments)
        return _run(argv, self.environment, seconds)

    def docker(self, *arguments: str) -> str:
        """The same for docker."""
        return docker(*arguments)

    def container(self, service: str) -> str:
        """The id of a service's container."""
        return self.compose("ps", "-q", service).strip()

    def inspected(self, service: str) -> Mapping[str, object]:
        """What Docker knows of it."""
        found: object = json.loads(self.docker("inspect", self.container(service)))
        assert isinstance(found, list)
        assert isinstance(found[0], dict)
        return found[0]

    def python(self, service: str, program: str) -> str:
        """Runs a program inside a container, and returns what it printed."""
        return self.compose("exec", "-T", service, "python3", "-c", program).strip()

    def write(self, name: str, text: str) -> None:
        """Writes a file of the configuration."""
        part = self.mesh / f".{name}"
        part.write_text(text)
        part.rename(self.mesh / name)

    def await_healthy(self, seconds: float) -> None:
        """Waits until every container that tells of its health is well."""
        deadline = time.monotonic() + seconds
        while ailing := self._names("health=starting") + self._names("health=unhealthy"):
            assert time.monotonic() < deadline, f"not healthy: {ailing}\n{self.logs()}"
            time.sleep(0.5)

    def _names(self, condition: str) -> list[str]:
        project = f"label=com.docker.compose.project={self.name}"
        return self.docker("ps", "--filter", project, "--filter", condition, "--format", "{{.Names}}").split()

    def left(self) -> list[str]:
        """Containers, networks and volumes that there still are."""
        return left(self.docker, self.name)

    def logs(self) -> str:
        """The last that each container has said."""
        return self.compose("logs", "--no-color", "--tail", "20")


@contextmanager
def up(folder: Path) -> Iterator[Project]:
    """Builds the images, starts everything, waits until all sidecars are ready, and takes everything away again.

    Removes first what runs left behind that were killed.
    """
    remove_leftovers(docker)
    mesh = folder / "mesh"
    shutil.copytree(_CAPTURED, mesh)
    ports = [_free_port() for _ in range(2)]
    environment = {
        **os.environ,
        "MESH_DIR": str(mesh),
        "INGRESS_PORT": str(ports[0]),
        "ISSUER_PORT": str(ports[1]),
    }
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    project = Project(new_name(), mesh, urls[0], urls[1], environment)
    project.compose("build", "--force-rm", *_IMAGES, seconds=_UP_SECONDS)
    try:
        project.compose("up", "--detach", seconds=_UP_SECONDS)
        project.await_healthy(_UP_SECONDS)
        yield project
    finally:
        _take_down(project)


def _take_down(project: Project) -> None:
    """An interrupt may have come while the engine was making something."""
    deadline = time.monotonic() + _STEP_SECONDS
    while project.left():
        assert time.monotonic() < deadline, f"left: {project.left()}"
        project.compose("--profile", "scale", "down", "--volumes", "--remove-orphans", "--timeout", "15")


def docker(*arguments: str) -> str:
    """Runs docker to its end, and returns what it printed. It has to succeed."""
    return _run(("docker", *arguments), os.environ, _STEP_SECONDS)


def missing() -> str:
    """Why there can be no containers here; empty if there can."""
    if shutil.which("docker") is None or not _compose():
        return "needs docker and docker-compose (Debian: docker.io, docker-compose)"
    asked = subprocess.run(("docker", "info"), capture_output=True, text=True, check=False)
    return f"needs a running Docker engine: {asked.stderr.strip()}" if asked.returncode else ""


def need_docker() -> None:
    """Skips the test, and says what it wants, where there can be none."""
    if reason := missing():
        pytest.skip(reason)


def _compose() -> str:
    return shutil.which("docker-compose") or ""


def _run(argv: tuple[str, ...], environment: Mapping[str, str], seconds: float) -> str:
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=seconds)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
