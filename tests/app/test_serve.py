"""The server as a process: readiness, metrics, debug endpoints, changes, ports in use, SIGTERM."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: NAME}\nspec: {ports: [{port: 80, name: http}]}\n"
RULE = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: b}\nspec: {host: b}\n"
LISTEN = ("--xds-listen", "127.0.0.1:0", "--monitoring-listen", "127.0.0.1:0")


@dataclass
class Server:
    """A running ``pilothouse serve``, with the ports that it reports in its log."""

    process: subprocess.Popen[str]
    log: Path
    xds: str
    monitoring: int

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.monitoring}{path}", timeout=5) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def events(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def wait_for(self, event: str, count: int = 1) -> list[dict[str, object]]:
        deadline = time.monotonic() + 60  # a machine that does much else may take long to start it
        while time.monotonic() < deadline:
            found = [entry for entry in self.events() if entry["event"] == event]
            if len(found) >= count:
                return found
            time.sleep(0.02)
        raise AssertionError(f"no {event!r} in the log:\n{self.log.read_text()}")

    def wait_until_says(self, logged: str, metric: str) -> None:
        """Until a line of the log has a text in it, and the metrics a line."""
        deadline = time.monotonic() + 60
        while logged not in self.log.read_text() or f"\n{metric}\n" not in self.get("/metrics")[1]:
            assert time.monotonic() < deadline, f"{logged!r}, {metric!r}:\n{self.log.read_text()}"
            time.sleep(0.02)


@contextmanager
def serving(config: Path, log: Path, *more: str) -> Iterator[Server]:
    command = [sys.executable, "-m", "xds.app.cli", "serve", "--config", str(config)]
    with log.open("w") as stream, subprocess.Popen([*command, *LISTEN, *more], stderr=stream, text=True) as process:
        try:
            server = Server(process, log, "", 0)
            (started,) = server.wait_for("serving")
            server.xds, server.monitoring = str(started["xds"]), int(str(started["monitoring_port"]))
            server.wait_for("configuration applied")
            yield server
        finally:
            process.kill()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "mesh"
    folder.mkdir()
    (folder / "a.yaml").write_text(SERVICE.replace("NAME", "a"))
    return folder


def test_ready_metrics_and_debug_endpoints(config: Path, tmp_path: Path) -> None:
    with serving(config, tmp_path / "log") as server:
        assert server.get("/ready") == (200, "ready\n")
        assert server.get("/spiffe-bundle")[0] == 404  # there is no authority
        assert re.search(r"^pilothouse_config_objects 1\.0$", server.get("/metrics")[1], re.MULTILINE)
        assert json.loads(server.get("/debug/syncz")[1]) == []
        configz = json.loads(server.get("/debug/configz")[1])
        assert [entry["object"] for entry in configz["objects"]] == ["Service/a.default"]
        assert configz["objects"][0]["origin"] == f"{config}/a.yaml:1"
        assert server.get("/debug/config_dump")[0] == 400
        assert server.get("/debug/config_dump?proxyID=nobody")[0] == 404
        assert "/debug/syncz" in server.get("/")[1]


def test_automatic_addresses_are_listed(config: Path, tmp_path: Path) -> None:
    (config / "entry.yaml").write_text(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: e}\n"
        "spec: {hosts: [a.example.com], resolution: DNS, ports: [{number: 5432, name: tcp}]}\n"
    )
    with serving(config, tmp_path / "log") as server:
        listed = json.loads(server.get("/debug/addresses")[1])
        assert listed == {"a.example.com": ["240.240.118.224", "2001:2::f0f0:76e0"]}


def test_the_analysis_is_live(config: Path, tmp_path: Path) -> None:
    with serving(config, tmp_path / "log") as server:
        assert json.loads(server.get("/debug/analysis")[1]) == []
        (config / "rule.yaml").write_text(RULE)
        server.wait_for("configuration applied", 2)
        said = json.loads(server.get("/debug/analysis")[1])
        assert [(finding["code"], finding["reference"]) for finding in said] == [("IST0174", f"{config}/rule.yaml:4")]


def test_a_change_is_in_force_within_a_second_and_a_mistake_keeps_the_last_good(config: Path, tmp_path: Path) -> None:
    with serving(config, tmp_path / "log") as server:
        started = time.monotonic()
        (config / "b.yaml").write_text(SERVICE.replace("NAME", "b"))
        server.wait_for("configuration applied", 2)
        assert time.monotonic() - started < 1
        (config / "b.yaml").write_text(SERVICE.replace("NAME", "b").replace("port: 80", "port: eighty"))
        server.wait_for("configuration applied", 3)
        configz = json.loads(server.get("/debug/configz")[1])
        assert [entry["object"] for entry in configz["objects"]] == ["Service/a.default", "Service/b.default"]
        (error,) = [d for d in configz["diagnostics"] if d["severity"] == "error"]
        assert (error["file"], error["line"], error["path"]) == (f"{config}/b.yaml", 4, "spec.ports[0].port")
        logged = [entry for entry in server.events() if entry["level"] == "error"]
        assert [entry["origin"] for entry in logged] == [f"{config}/b.yaml:4"]
        (config / "b.yaml").unlink()
        server.wait_for("configuration applied", 4)
        server.wait_for("no longer a problem")
        assert len(json.loads(server.get("/debug/configz")[1])["objects"]) == 1


def test_a_folder_that_is_emptied_leaves_everything_in_force_and_says_how_to_mean_it(
    config: Path, tmp_path: Path
) -> None:
    with serving(config, tmp_path / "log") as server:
        kept = [(file, file.read_text()) for file in config.iterdir()]
        for file, _ in kept:
            file.unlink()
        server.wait_until_says("leave one file", "pilothouse_config_unread 1.0")
        (error,) = [entry for entry in server.events() if entry["level"] == "error"]
        assert (error["code"], error["origin"]) == ("emptied-folder", f"{config}:1")
        assert len(json.loads(server.get("/debug/configz")[1])["objects"]) == 1
        for file, text in kept:
            file.write_text(text)
        server.wait_until_says("no longer a problem", "pilothouse_config_unread 0.0")
        (config / "nothing.yaml").write_text("# nothing")
        for file, _ in kept:
            file.unlink()
        while json.loads(server.get("/debug/configz")[1])["objects"]:
            time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_soon(config: Path, tmp_path: Path, number: signal.Signals) -> None:
    with serving(config, tmp_path / "log") as server:
        started = time.monotonic()
        server.process.send_signal(number)
        assert server.process.wait(5) == 0
        assert time.monotonic() - started < 5
        assert server.events()[-1]["event"] == "stopped"


@pytest.mark.parametrize("option", ["--xds-listen", "--monitoring-listen"])
def test_a_port_in_use_is_one_line_and_exit_1(config: Path, option: str) -> None:
    other = "--monitoring-listen" if option == "--xds-listen" else "--xds-listen"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        command = [sys.executable, "-m", "xds.app.cli", "serve", "--config", str(config)]
        result = subprocess.run(
            [*command, option, address, other, "127.0.0.1:0"], capture_output=True, text=True, timeout=30, check=False
        )
    assert result.returncode == 1
    assert result.stderr == f"pilothouse: cannot listen on {address}: Address already in use\n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--config", "/no/such/folder"), "--config /no/such/folder is not a folder"),
        (("--config", ".", "--mesh-config", "/no/such/file"), "cannot be read: No such file or directory"),
        (("--config", ".", "--translators", "nope:X"), "No module named 'nope'"),
        (("--config", ".", "--translators", "nope"), "is not MODULE:ATTRIBUTE"),
        (("--config", ".", "--translators", "translators:__name__"), "neither a translator nor a sequence"),
    ],
)
def test_it_says_in_one_line_why_it_cannot_start(tmp_path: Path, arguments: tuple[str, ...], reason: str) -> None:
    command = [sys.executable, "-m", "xds.app.cli", "serve", *LISTEN, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith("pilothouse: ")
    assert reason in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_the_mesh_config_is_followed_and_a_mistake_in_it_costs_nothing(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "mesh.yaml"
    file.write_text("proxyHttpPort: 15080\n")
    with serving(config, tmp_path / "log", "--mesh-config", str(file)) as server:
        file.write_text("proxyHttpPort: 15081\nhboneIdleTimeout: 1s\n")
        server.wait_for("mesh settings applied")
        server.wait_for("not honoured yet: this field has no effect")
        assert "hboneIdleTimeout" in server.get("/debug/configz")[1]

        file.write_text("proxyHttpPort: not-a-port # and the text is no shorter than before\n")
        server.wait_for('must be an integer, not "not-a-port"')

        file.write_text("proxyHttpPort: 15082 # valid again, and the text is no shorter than before\n")
        assert len(server.wait_for("mesh settings applied", 2)) == 2

        file.unlink()
        server.wait_for("is gone; the settings that it had stay in force")
