"""``envoy --mode validate``: asks a real Envoy about resources without running them."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Sequence
from pathlib import Path

from xds.app.demo.envoy_binary import find_envoy
from xds.app.demo.errors import DemoError
from xds.app.errors import StartError
from xds.app.preflight import Preflight, Reporter
from xds.app.preflight_document import static_document
from xds.resources import Resource
from xds.server import SnapshotSource

_REASON = re.compile(r"error initializing configuration '[^']*': *(.*)", re.DOTALL)
_MOST_CHARACTERS = 1000
_SECONDS = 10.0


def with_envoy(source: SnapshotSource, reporter: Reporter) -> Preflight:
    """A `Preflight` in front of ``source`` that asks the Envoy of this machine. Raises StartError if there is none."""
    try:
        return Preflight(source, EnvoyValidator(find_envoy()), reporter)
    except DemoError as error:
        raise StartError(f"--preflight: {error}") from error


class EnvoyValidator:
    """Asks the Envoy at this path. Each question takes about 50 ms, and the event loop goes on meanwhile."""

    def __init__(self, program: Path) -> None:
        self._program = program

    async def __call__(self, resources: Sequence[Resource]) -> str | None:
        """Why Envoy does not accept these resources together, in its words; None if it does.

        Raises OSError if it cannot be run or does not answer.
        """
        with tempfile.TemporaryDirectory(prefix="pilothouse-preflight-") as folder:
            path = Path(folder) / "envoy.json"
            await asyncio.to_thread(_write, path, resources)
            status, output = await self._run(path)
        return None if status == 0 else _reason(output)

    async def _run(self, path: Path) -> tuple[int, str]:
        arguments = ("--mode", "validate", "--use-dynamic-base-id", "--log-level", "error", "-c", str(path))
        process = await asyncio.create_subprocess_exec(
            self._program, *arguments, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT
        )
        try:
            async with asyncio.timeout(_SECONDS):
                output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode or 0, output.decode(errors="replace")


def _write(path: Path, resources: Sequence[Resource]) -> None:
    """Nobody else may read it: keys can be part of clusters and listeners."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(static_document(resources)))


def _reason(output: str) -> str:
    found = _REASON.search(output)
    return " ".join((found[1] if found else output).split())[:_MOST_CHARACTERS]
