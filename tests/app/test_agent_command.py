"""`pilothouse agent` without a control plane: what it refuses, what it says, how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from xds.agent.identity import TokenFile
from xds.app.agent.options import AgentOptions, dump, load
from xds.app.agent.prepare import own_address, user_of
from xds.app.cli import app
from xds.app.errors import StartError
from xds.app.proxy_spec import ProxySpec
from xds.model.proxy import CaptureMode, ProxyType

CLI = (sys.executable, "-m", "xds.app.cli")
WHO = ("--name", "web", "--namespace", "default")
SOON = 20.0


def said_at_once(*arguments: str) -> str:
    """What is wrong with these options, before anything is started."""
    result = CliRunner().invoke(app, ["agent", *arguments])
    assert result.exit_code in (1, 2)
    return f"{result.output} {result.exception}"


def refused(*arguments: str) -> tuple[int, str]:
    run = subprocess.run([*CLI, "agent", *arguments], capture_output=True, text=True, timeout=60, check=False)
    return run.returncode, run.stderr


def given(folder: Path, *more: str, port: int = 0) -> tuple[str, ...]:
    """Options of an agent whose control plane is not there."""
    (folder / "root.pem").write_text("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")
    (folder / "token").write_text("a.b.c")
    return (
        *("--server", "127.0.0.1:1", "--root-cert", str(folder / "root.pem"), "--token", str(folder / "token"), *WHO),
        *("--state-dir", str(folder / "state"), "--run-dir", str(folder / "run")),
        *("--status-listen", f"127.0.0.1:{port}", *more),
    )


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def running(folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    agent = subprocess.Popen([*CLI, "agent", *given(folder, port=port)], stderr=subprocess.PIPE, text=True)
    try:
        yield agent
    finally:
        agent.kill()
        agent.communicate()


def readiness(port: int) -> str:
    """What the agent says, once it says something."""
    deadline = time.monotonic() + SOON
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz/ready") as answer:
                return f"{answer.status} {answer.read().decode()}"
        except urllib.error.HTTPError as error:
            return f"{error.code} {error.read().decode()}"
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--join-token", "t"), "not both"),
        (("--type", "grpc"), "no Envoy"),
        (("--prometheus-path", "metrics"), "begins with /"),
        (("--log-level", "loud"), "debug, info"),
        (("--server", "nowhere"), "nowhere"),
        (("--drain-time", "2h"), "at most"),
        (("--ip", "here"), "here"),
        (("--envoy", "/no/such/envoy"), "--envoy /no/such/envoy is not a program"),
        (("--root-cert", "/no/such/file"), "copy the control plane's root-cert.pem"),
        (("--run-dir", "/tmp/" + "x" * 100), "choose a shorter one"),
    ],
)
def test_what_cannot_work_is_said_at_once(tmp_path: Path, more: tuple[str, ...], said: str) -> None:
    text = said_at_once(*given(tmp_path), *more)
    assert said in " ".join(text.replace("│", " ").split())


def test_wrong_usage_has_its_exit_code(tmp_path: Path) -> None:
    assert refused(*given(tmp_path), "--type", "grpc")[0] == 64
    code, text = refused(*given(tmp_path), "--envoy", "/no/such/envoy")
    assert (code, text) == (1, "pilothouse: --envoy /no/such/envoy is not a program that can be run\n")


def test_it_waits_for_an_identity_says_so_and_can_be_ended(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path, port) as agent:
        assert readiness(port).startswith("503 no identity yet")
        again, text = refused(*given(tmp_path))
        assert again == 1
        assert "in use by another agent" in text
        taken, text = refused(*given(tmp_path, port=port))
        assert taken == 1
        assert f"--status-listen 127.0.0.1:{port}" in text
        agent.send_signal(signal.SIGTERM)
        _, said = agent.communicate(timeout=SOON)
    assert agent.returncode == 0
    assert "no certificate yet" in said
    assert not (tmp_path / "run" / "sds.sock").exists()


def test_what_is_written_is_for_its_owner(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path, port):
        readiness(port)
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "run").iterdir()}
    assert modes["envoy.json"] == 0o600
    assert set(modes.values()) == {0o600}
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_options_survive_the_second_life() -> None:
    spec = ProxySpec(
        "web",
        "default",
        "10.0.0.1",
        ProxyType.ROUTER,
        CaptureMode.NONE,
        labels={"app": "web"},
        more_ips=("fd00::1",),
        probed=True,
    )
    options = AgentOptions(
        spec=spec,
        server="10.0.0.2:15012",
        root_cert=Path("/root.pem"),
        token=TokenFile(Path("/token"), single_use=True),
        state_dir=Path("/state"),
        run_dir=Path("/run"),
        envoy=Path("/envoy"),
        envoy_args=("-l", "info"),
        user=(1337, 1338),
        admin="127.0.0.1:15000",
        status_listen="0.0.0.0:15020",
        drain_seconds=5.5,
        prometheus_port=9090,
        prometheus_path="/metrics",
        exec_probes=True,
        log_level="info",
    )
    assert load(dump(options)) == options


def test_the_own_address_is_that_towards_the_control_plane() -> None:
    assert own_address("127.0.0.1:15012") == "127.0.0.1"
    with pytest.raises(StartError, match="--ip is needed"):
        own_address("no-such-host.invalid:15012")


def test_only_root_gives_envoy_another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    assert user_of(None) is None
    assert user_of(os.geteuid()) is None
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(StartError, match="only root"):
        user_of(1337)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert user_of(4_000_000_000) == (4_000_000_000, 4_000_000_000)
