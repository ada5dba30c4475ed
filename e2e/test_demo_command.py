"""The demo as a user runs and ends it: on other addresses than its own, but otherwise as `pilothouse demo` runs it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from e2e.bookinfo import relocated
from examples.bookinfo.topology import REPOSITORY
from xds.app.demo.plan import Component
from xds.app.demo.ports import require_free, taken

START_SECONDS = 60.0
STOP_SECONDS = 10.0


@pytest.fixture
def components(tmp_path: Path) -> tuple[Component, ...]:
    components = relocated(tmp_path).components(tmp_path)
    require_free(address for component in components for address in component.addresses)
    return components


@pytest.fixture
async def demo(components: tuple[Component, ...], tmp_path: Path) -> AsyncIterator[Process]:
    process = await start(tmp_path)
    yield process
    if process.returncode is None:
        process.terminate()
    await process.communicate()


async def start(folder: Path, *options: str) -> Process:
    argv = (sys.executable, "-m", "e2e.bookinfo", str(folder), *options)
    environment = {**os.environ, "TMPDIR": str(folder)}
    return await asyncio.create_subprocess_exec(*argv, stdout=PIPE, stderr=STDOUT, cwd=REPOSITORY, env=environment)


async def line_with(process: Process, text: str) -> str:
    """The next line of output that contains ``text``."""
    assert process.stdout is not None
    async with asyncio.timeout(START_SECONDS):
        async for line in process.stdout:
            if text in line.decode():
                return line.decode()
    raise AssertionError(f"the demo ended without saying {text!r}")


async def ended(process: Process) -> tuple[int, str]:
    """The exit status and the rest of the output."""
    output, _ = await asyncio.wait_for(process.communicate(), STOP_SECONDS)
    assert process.returncode is not None
    return process.returncode, output.decode()


def still_listening(components: tuple[Component, ...]) -> list[str]:
    return [str(address) for address in taken(a for component in components for a in component.addresses)]


async def all_gone(components: tuple[Component, ...]) -> bool:
    """Whether nothing listens any more, now or soon."""
    for _ in range(100):
        if not still_listening(components):
            return True
        await asyncio.sleep(STOP_SECONDS / 100)
    return False


def edit(file: Path, old: str, new: str) -> None:
    file.write_text(file.read_text().replace(old, new))


def logs(folder: Path) -> list[Path]:
    return list(folder.glob("pilothouse-demo-*"))


async def test_it_shows_the_traffic_follows_edits_and_ends_everything_on_ctrl_c(
    demo: Process, components: tuple[Component, ...], tmp_path: Path
) -> None:
    assert "open   http://127.21.0.11:9080/productpage" in await line_with(demo, "jason")
    line = await line_with(demo, "req/s")
    assert re.search(r"0% errors .*anonymous > reviews v1 100%", line)

    edit(tmp_path / "mesh/virtual-service-reviews.yaml", "subset: v1", "subset: v3")
    line = await line_with(demo, " v3 ")
    assert re.search(r" 0% errors .*anonymous > reviews (v1 \d+% )?v3 \d+%;", line)

    (tmp_path / "mesh/bad.yaml").write_text("kind: [")
    assert "not in force: bad.yaml:1" in await line_with(demo, "not in force")

    demo.send_signal(signal.SIGINT)
    status, output = await ended(demo)

    assert (status, output.splitlines()[-1]) == (0, "Everything is stopped.")
    assert still_listening(components) == []
    assert logs(tmp_path) == []


async def test_under_strict_mutual_tls_callers_have_locks_and_strangers_are_refused(
    components: tuple[Component, ...], tmp_path: Path
) -> None:
    process = await start(tmp_path, "--strict")
    try:
        line = await line_with(process, "refused 100%")
        assert re.search(r"anonymous > \N{LOCK} reviews v1 100%", line)
        process.send_signal(signal.SIGINT)
        status, _ = await ended(process)
    finally:
        if process.returncode is None:
            process.kill()

    assert (status, still_listening(components), logs(tmp_path)) == (0, [], [])


async def test_sigterm_during_the_start_ends_everything_too(demo: Process, components: tuple[Component, ...]) -> None:
    await line_with(demo, "ready  control plane")

    demo.send_signal(signal.SIGTERM)

    assert (await ended(demo))[0] == 0
    assert still_listening(components) == []


async def test_nothing_outlives_a_demo_that_is_killed(demo: Process, components: tuple[Component, ...]) -> None:
    await line_with(demo, "req/s")
    assert len(still_listening(components)) > len(components)

    demo.kill()
    await demo.wait()

    assert await all_gone(components)


async def test_a_process_that_ends_ends_the_demo_with_its_log(
    demo: Process, components: tuple[Component, ...], tmp_path: Path
) -> None:
    await line_with(demo, "req/s")
    os.kill(child_of(demo.pid, "services.reviews", "v2"), signal.SIGTERM)

    status, output = await ended(demo)

    assert status == 1
    assert "error: reviews-v2 ended. Its last log lines" in output
    assert '"instance": "reviews-v2"' in output
    (kept,) = logs(tmp_path)
    assert f"All logs: {kept}" in output
    assert (kept / "envoy-of-reviews-v2.log").exists()
    assert still_listening(components) == []


def child_of(parent: int, *words: str) -> int:
    """The child process whose command line has all the words."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    command_lines = {int(pid): Path(f"/proc/{pid}/cmdline").read_text() for pid in children}
    (found,) = (pid for pid, line in command_lines.items() if all(word in line for word in words))
    return found


async def test_an_address_in_use_is_named_before_anything_starts(
    components: tuple[Component, ...], tmp_path: Path
) -> None:
    with socket.create_server(("127.21.0.32", 9080)):
        status, output = await ended(await start(tmp_path, "--check"))

    assert status == 1
    assert "127.21.0.32:9080 is in use; envoy of reviews-v2 needs it" in output
    assert still_listening(components) == []
    assert logs(tmp_path) == []
