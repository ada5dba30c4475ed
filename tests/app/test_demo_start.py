"""What the demo does before its processes are up, and how it ends early."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from xds.app.demo import run
from xds.app.demo.bring_up import bring_up
from xds.app.demo.checkout import find_checkout
from xds.app.demo.envoy_binary import find_envoy
from xds.app.demo.errors import DemoError
from xds.app.demo.interrupt import Interrupted, interruptible
from xds.app.demo.plan import Component, Kind
from xds.app.demo.ports import Listening, require_free, taken
from xds.app.demo.processes import Command, ProcessEndedError, Processes

REPOSITORY = Path(__file__).parents[2]
HOST = "127.22.7.1"
SERVER = """
import http.server, sys, time
time.sleep(float(sys.argv[3]))
http.server.HTTPServer((sys.argv[1], int(sys.argv[2])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


@contextmanager
def listening(host: str) -> Iterator[int]:
    with socket.create_server((host, 0)) as server:
        yield int(server.getsockname()[1])


def free_port(host: str) -> int:
    with listening(host) as port:
        return port


class Recorder:
    """A progress that remembers what it was told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def starting(self, component: Component) -> None:
        self.events.append(("starting", component.name))

    def ready(self, component: Component, seconds: float) -> None:
        assert seconds >= 0
        self.events.append(("ready", component.name))


def server(name: str, kind: Kind, folder: Path, delay: float = 0.0) -> Component:
    port = free_port(HOST)
    command = Command(name, (sys.executable, "-c", SERVER, HOST, str(port), str(delay)), folder)
    return Component(kind, command, f"http://{HOST}:{port}/", (Listening(name, HOST, port),))


def failing(name: str, kind: Kind, folder: Path) -> Component:
    command = Command(name, (sys.executable, "-c", "import sys; sys.exit('bad configuration')"), folder)
    return Component(kind, command, f"http://{HOST}:1/", ())


async def test_proxies_start_when_the_control_plane_is_ready_and_services_meanwhile(tmp_path: Path) -> None:
    components = (
        server("control", Kind.CONTROL_PLANE, tmp_path, delay=0.3),
        server("shop", Kind.SERVICE, tmp_path),
        server("envoy", Kind.PROXY, tmp_path),
    )
    recorder = Recorder()
    async with Processes(tmp_path) as processes:
        await bring_up(components, processes, recorder)

    assert sorted(recorder.events[:2]) == [("starting", "control"), ("starting", "shop")]
    assert recorder.events.index(("ready", "control")) < recorder.events.index(("starting", "envoy"))
    assert {name for event, name in recorder.events if event == "ready"} == {"control", "shop", "envoy"}


async def test_a_component_that_ends_at_once_stops_the_start(tmp_path: Path) -> None:
    components = (
        server("control", Kind.CONTROL_PLANE, tmp_path),
        server("shop", Kind.SERVICE, tmp_path),
        failing("envoy", Kind.PROXY, tmp_path),
    )
    with pytest.raises(ProcessEndedError, match=r"envoy ended(.|\n)*bad configuration"):
        async with Processes(tmp_path) as processes:
            await bring_up(components, processes, Recorder())

    assert taken(address for component in components for address in component.addresses) == ()


async def test_an_address_in_use_is_named_with_the_process_that_needs_it(tmp_path: Path) -> None:
    component = server("control", Kind.CONTROL_PLANE, tmp_path)
    (address,) = component.addresses
    with socket.create_server((address.host, address.port)):
        async with Processes(tmp_path) as processes:
            with pytest.raises(DemoError, match=f"{address.host}:{address.port} is in use; control needs it"):
                await bring_up((component,), processes, Recorder())
            assert processes.children == []


def test_addresses_are_told_apart() -> None:
    with listening(HOST) as port:
        used, other = Listening("a", HOST, port), Listening("b", "127.22.7.2", port)

        assert taken((used, other)) == (used,)
        with pytest.raises(DemoError):
            require_free((other, used))
    require_free((other, used))


def test_a_port_shared_by_another_envoy_is_taken() -> None:
    with socket.socket() as sharer:
        sharer.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sharer.bind((HOST, 0))
        sharer.listen()
        address = Listening("envoy", HOST, sharer.getsockname()[1])

        assert taken((address,)) == (address,)


def test_the_checkout_is_found_from_a_folder_inside_it(tmp_path: Path) -> None:
    marker = tmp_path / "examples/bookinfo/topology.py"
    marker.parent.mkdir(parents=True)
    marker.touch()
    inside = tmp_path / "docs/deep"

    assert find_checkout(inside) == tmp_path


def test_the_checkout_is_found_by_where_the_package_is(tmp_path: Path) -> None:
    assert find_checkout(tmp_path) == REPOSITORY


def test_without_a_checkout_the_user_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xds.__file__", str(tmp_path / "site-packages/xds/__init__.py"))

    with pytest.raises(DemoError, match="checkout of Pilothouse's repository"):
        find_checkout(tmp_path)


def test_envoy_is_taken_from_the_variable_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "my-envoy"
    program.touch(0o755)
    monkeypatch.setenv("ENVOY", str(program))

    assert find_envoy() == program


def test_a_variable_that_names_no_program_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVOY", "/no/such/envoy")

    with pytest.raises(DemoError, match=r"\$ENVOY is '/no/such/envoy'"):
        find_envoy()


def test_envoy_comes_from_the_wheel_or_else_from_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENVOY", raising=False)
    assert find_envoy().name == "envoy"
    monkeypatch.setitem(sys.modules, "envoy", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DemoError, match=r"pip install 'pilothouse\[envoy\]'"):
        find_envoy()
    (tmp_path / "envoy").touch(0o755)
    assert find_envoy() == tmp_path / "envoy"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_the_work_and_a_second_one_does_not_disturb_the_cleanup(number: signal.Signals) -> None:
    cleaned = []

    async def work() -> None:
        try:
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), number)
            await asyncio.sleep(10)
        finally:
            os.kill(os.getpid(), number)
            await asyncio.sleep(0.05)
            cleaned.append(True)

    with pytest.raises(Interrupted):
        await interruptible(work())

    assert cleaned == [True]


async def test_work_that_is_not_interrupted_returns_its_value() -> None:
    async def work() -> int:
        return 7

    assert await interruptible(work()) == 7


async def test_cancellation_that_is_no_signal_stays_cancellation() -> None:
    task = asyncio.ensure_future(interruptible(asyncio.sleep(10)))
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_demo_that_cannot_start_says_why_and_returns_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ENVOY", "/no/such/envoy")

    assert await run(check=True) == 1
    assert capsys.readouterr().out.startswith("error: $ENVOY is '/no/such/envoy'")
