"""A machine with nothing of the mesh but what was brought to it, on which units are started as systemd does it."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from e2e.capture.namespaces import Namespace
from e2e.vm.guide import Unit, user_and_files
from examples.bookinfo.topology import REPOSITORY
from xds.app.demo.processes import Child, Command, Processes

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/dev", "/proc", "/sys", "/etc/alternatives")
_PROGRAM = (os.fspath(REPOSITORY), sys.prefix, sys.base_prefix)
_MOUNTED = tuple(place for place in (*_SYSTEM, *_PROGRAM) if Path(place).is_dir())
_BROUGHT = Path("/brought")

_ENTER = """\
root=$1; shift
while [ "$1" != -- ]; do mount --rbind "$1" "$root$1"; shift; done
shift
exec chroot "$root" "$@"
"""

CAPTURE, AGENT = Unit("pilothouse-capture"), Unit("pilothouse-agent")


@dataclass(frozen=True)
class Machine:
    """root: its file system, into which the system and the program are mounted by each command, for itself alone."""

    namespace: Namespace
    root: Path
    processes: Processes

    async def install(self, brought: Path) -> None:
        """What is typed there as root, but for what comes from package indexes; and what systemd does then."""
        for folder in (*_MOUNTED, "/opt/pilothouse/bin", "/var/lib", "/run", "/tmp"):
            self.at(folder).mkdir(parents=True, exist_ok=True)
        for name in ("passwd", "group"):
            (self.at("/etc") / name).write_text("root:x:0:0::/:/bin/sh\n" if name == "passwd" else "root:x:0:\n")
        self.at("/opt/pilothouse/bin/pilothouse").symlink_to(Path(sys.prefix) / "bin" / "pilothouse")
        shutil.copytree(brought, self.at(_BROUGHT))
        await self.run("sh", "-ec", f"cd {_BROUGHT}\n{user_and_files()}")
        for kind, parent in (("State", "/var/lib"), ("Runtime", "/run")):
            name, mode = AGENT.folder(kind)
            await self.run("install", "-d", "-o", "pilothouse", "-g", "pilothouse", "-m", mode, f"{parent}/{name}")

    def at(self, path: str | Path) -> Path:
        """Where a path of the machine is for the test."""
        return self.root / str(path).lstrip("/")

    async def run(self, *argv: str) -> str:
        """What a command prints that succeeds."""
        return await asyncio.to_thread(self.namespace.run, *self._inside(*argv))

    async def capture(self, key: str) -> None:
        """Runs a command of the unit for capture to its end."""
        await self.run("setpriv", "--no-new-privs", *CAPTURE.rights(), *CAPTURE.command(key))

    async def start_agent(self) -> Child:
        """Starts the unit for the agent."""
        started = ("setpriv", "--no-new-privs", *AGENT.rights(), "--pdeathsig", "KILL", *AGENT.command("ExecStart"))
        argv = self.namespace.command(*self._inside(*started))
        return await self.processes.start(Command("agent of the machine", argv, self.root))

    def _inside(self, *argv: str) -> tuple[str, ...]:
        return ("sh", "-euc", _ENTER, "sh", str(self.root), *_MOUNTED, "--", *argv)
