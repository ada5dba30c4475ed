"""REST as ``serve`` offers it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.app.test_serve import SERVICE, serving
from tests.features.client import NODE_ID

PATH = "/v3/discovery:clusters"


def test_serve_offers_rest_and_ends_it(tmp_path: Path) -> None:
    folder = tmp_path / "mesh"
    folder.mkdir()
    (folder / "a.yaml").write_text(SERVICE.replace("NAME", "a"))
    with serving(folder, tmp_path / "log", "--rest-listen", "127.0.0.1:0") as server:
        (started,) = server.wait_for("serving")
        body = json.dumps({"node": {"id": NODE_ID}}).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{started['rest_port']}{PATH}", body, timeout=10) as response:
            names = [each["name"] for each in json.load(response)["resources"]]
        assert "outbound|80||a.default.svc.cluster.local" in names
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(10) == 0


def test_a_rest_port_in_use_is_one_line_and_exit_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        listen = ("--xds-listen", "127.0.0.1:0", "--monitoring-listen", "127.0.0.1:0", "--rest-listen", address)
        command = [sys.executable, "-m", "xds.app.cli", "serve", "--config", str(tmp_path), *listen]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert result.stderr == f"pilothouse: cannot listen on {address}: Address already in use\n"
