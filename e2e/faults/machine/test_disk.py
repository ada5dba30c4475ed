"""The disks of the certificate authority and of the caches are full: all that needs no room goes on, and what does is
done when there is some."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from aiohttp import web

from e2e.faults.machine.watched import watched
from e2e.faults.machine.world import SECURE, Machine
from e2e.faults.steps import LIVE_SECONDS, record
from e2e.faults.table import Fault, Measured
from e2e.jwt.issuer import Issuer
from e2e.load_mesh import HOST, put
from examples.bookinfo.topology import REPOSITORY

pytestmark = pytest.mark.asyncio(loop_scope="session")

_ISSUER = "https://issuer.example"
_KEYS_PORT = 8081


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Not a byte more fits on it."""
    filler = disk / ".filler"
    handle = os.open(filler, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for size in (4096, 1):
            _fill(handle, bytes(size))
        yield
    finally:
        os.close(handle)
        filler.unlink()


def _fill(handle: int, content: bytes) -> None:
    """Writes it again and again, until it does not fit any more."""
    try:
        while os.write(handle, content):
            pass
    except OSError as error:
        assert error.errno == errno.ENOSPC  # noqa: PT017 - it is no test of what raises it


async def run(*argv: str) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end."""
    environment = {**os.environ, "PYTHONPATH": os.fspath(REPOSITORY)}
    return await asyncio.to_thread(
        subprocess.run, argv, capture_output=True, text=True, check=False, env=environment, cwd=REPOSITORY
    )


async def until(happens: Callable[[], bool], what: str) -> None:
    """Waits for it."""
    deadline = time.monotonic() + LIVE_SECONDS
    while not happens():
        assert time.monotonic() < deadline, f"not seen: {what}"
        await asyncio.sleep(0.02)


def events(mesh: Machine, name: str) -> list[dict[str, str]]:
    """The lines of the control plane's log that are of this event."""
    return [found for line in mesh.log().splitlines() if (found := json.loads(line))["event"] == name]


async def test_a_full_disk_of_the_authority_costs_no_certificate(mesh: Machine, measured: list[Measured]) -> None:
    disk, token = mesh.disk("ca"), mesh.join_token("newcomer")
    prepare = (sys.executable, "-m", "xds.app.cli", "ca", "prepare", "--ca-dir", str(disk))
    program = (sys.executable, "-m", "e2e.faults.machine.newcomer", SECURE, str(mesh.root), str(token))
    join = mesh.places["client"].command(*program)
    async with watched(mesh) as seen:
        with full(disk):
            refused, joined = await asyncio.gather(run(*prepare), run(*join))
            assert refused.returncode == 1
            assert refused.stderr == "pilothouse: [Errno 28] No space left on device\n"
            assert joined.returncode == 0, joined.stderr
            assert not list(disk.rglob("*.new"))
            seconds = await seen.until_live(seen.change())
        before = len(events(mesh, "authorities changed"))
        assert (await run(*prepare)).returncode == 0
        await until(lambda: len(events(mesh, "authorities changed")) > before, "the new root is taken in")
        assert (await run(*join)).returncode == 1  # the token held once
    issued = Counter(event["serial"] for event in events(mesh, "certificate issued"))
    assert issued[joined.stdout.strip()] == 1
    assert max(issued.values()) == 1
    text = (
        f"certificates are issued, no number twice, and a change is live after {seconds:.2f} s; a new root is refused, "
        "and made when there is room"
    )
    record(measured, Fault.AUTHORITY_DISK_FULL, seen.traffic, text)


@asynccontextmanager
async def keys_of(issuer: Issuer, mesh: Machine) -> AsyncIterator[Callable[[], None]]:
    """A server of its keys, on the control plane's machine. What is yielded has the mesh believe its tokens alone."""

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(text=issuer.jwks)

    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.5)
    await runner.setup()
    rule = {"issuer": issuer.name, "jwksUri": f"http://127.0.0.1:{_KEYS_PORT}/keys"}
    spec = {"selector": {"matchLabels": {"app": HOST}}, "jwtRules": [rule]}
    names = {"apiVersion": "security.istio.io/v1", "kind": "RequestAuthentication", "metadata": {"name": "tokens"}}
    try:
        await web.SockSite(runner, mesh.places["control"].listen(_KEYS_PORT)).start()
        yield lambda: put(mesh.config, "tokens", {**names, "spec": spec})
        put(mesh.config, "tokens", None)
    finally:
        await runner.cleanup()


async def test_a_full_disk_of_the_caches_costs_only_what_is_kept(mesh: Machine, measured: list[Measured]) -> None:
    issuer, disk = Issuer(_ISSUER), mesh.disk("cache")
    tokens = issuer.token(), Issuer(_ISSUER).token()
    async with watched(mesh) as seen, keys_of(issuer, mesh) as believe:
        with full(disk):
            believe()
            began = time.monotonic()
            while [(await mesh.get(HOST, token=token)).status for token in tokens] != [200, 401]:
                assert time.monotonic() < began + LIVE_SECONDS, "keys are not in force"
            seconds = time.monotonic() - began
            await until(lambda: bool(events(mesh, "keys cannot be kept on disk")), "there is no room for the keys")
            assert kept(disk) == []
        began = time.monotonic()
        await until(lambda: len(kept(disk)) == 1, "the keys are kept")
        later = time.monotonic() - began
    text = (
        f"keys of an issuer are in force after {seconds:.1f} s, with a warning that they cannot be kept; they are "
        f"{later:.1f} s after there is room (fetched anew each second here)"
    )
    record(measured, Fault.CACHE_DISK_FULL, seen.traffic, text)


def kept(disk: Path) -> list[Path]:
    """All files with keys, whole or not."""
    return [path for path in (disk / "jwks").glob("*") if path.is_file()]
