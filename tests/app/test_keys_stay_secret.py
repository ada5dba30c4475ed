"""No private key is in anything that the control plane writes or shows, but for the resource that carries it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.test_serve import serving
from tests.app.test_serve_streams import ADS, stream
from tests.certificates import Authority, Issued
from tests.documents import document, entry, gateway, rule, secret
from xds.app.preflight_envoy import EnvoyValidator
from xds.resources import CLUSTER, SECRET, Resource
from xds.wire.core_pb2 import Node
from xds.wire.discovery_pb2 import DeltaDiscoveryRequest, DeltaDiscoveryResponse

ROOT = Authority("root")
GOOD, WRONG = ROOT.issue("good"), ROOT.issue("wrong")
NODE_ID = "router~10.0.0.1~front.default~default.svc.cluster.local"
PROXY = ("--name", "front", "--namespace", "default", "--ip", "10.0.0.1", "--type", "gateway", "--label", "istio=front")


def of_key(issued: Issued) -> tuple[str, ...]:
    """Parts of the key that are in no certificate, as they are and in base64."""
    first, second, _ = issued.key_pem.splitlines()[1:-1]
    return first[50:], second[:24]


PARTS = of_key(GOOD) + of_key(WRONG)


def annotated(text: str, key: str) -> str:
    """What ``kubectl apply`` leaves in an object."""
    copy = json.dumps({"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": key}}})
    return text.replace('"metadata": {', '"metadata": ' + copy.partition('"metadata": ')[2][:-2] + ", ", 1)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "mesh"
    folder.mkdir()
    (folder / "good.yaml").write_text(annotated(secret("good", GOOD, ROOT), GOOD.key_pem))
    broken = secret("wrong", WRONG).replace(json.dumps(WRONG.chain), json.dumps(GOOD.chain))
    (folder / "wrong.yaml").write_text(annotated(broken, WRONG.key_pem))
    (folder / "cut.yaml").write_text(secret("cut", WRONG).replace('"name": "cut", ', ""))
    (folder / "misplaced.yaml").write_text(
        document("v1", "Secret", "misplaced", "default", {"data": WRONG.key_pem, "stringData": [GOOD.key_pem]})
    )
    (folder / "rest.yaml").write_text(
        gateway("front", {"mode": "MUTUAL", "credentialName": "good"}, selector="front")
        + gateway("other", {"mode": "SIMPLE", "credentialName": "wrong"}, selector="front")
        + entry("api", "api.example.com")
        + rule("api", "api.example.com", {"mode": "MUTUAL", "credentialName": "good"})
    )
    return folder


def leaks(text: str) -> list[str]:
    return [part for part in PARTS if part in text]


def test_the_server_shows_no_key_and_sends_it_to_whom_it_is_for(config: Path, tmp_path: Path) -> None:
    node = Node(id=NODE_ID)
    node.metadata.update({"LABELS": {"istio": "front"}})
    names = ("kubernetes://good", "kubernetes://good-cacert", "kubernetes://wrong")
    request = DeltaDiscoveryRequest(node=node, type_url=SECRET, resource_names_subscribe=names).SerializeToString()
    with serving(config, tmp_path / "log") as server, stream(server.xds, ADS, request) as call:
        response = DeltaDiscoveryResponse.FromString(next(call))
        assert {each.name for each in response.resources} == set(names[:2])
        assert GOOD.key_pem.encode() in response.SerializeToString()
        paths = server.get("/")[1].split()
        assert "/debug/credentials" in paths
        asked = {
            "/debug/config_dump?proxyID=NAME.NAMESPACE": "/debug/config_dump?proxyID=front.default",
            "/debug/changes?object=KIND/NAME.NAMESPACE": "/debug/changes?object=Secret/good.default",
            "/debug/convergence?object=KIND/NAME.NAMESPACE": "/debug/convergence?object=Secret/wrong.default",
        }
        shown = {path: server.get(asked.get(path, path)) for path in paths}
        assert {path: status for path, (status, _) in shown.items() if status != 200} == {}
        assert {path: leaks(body) for path, (_, body) in shown.items() if leaks(body)} == {}
        dump = shown["/debug/config_dump?proxyID=NAME.NAMESPACE"][1]
        assert "[redacted]" in dump
        assert "kubernetes://good" in dump
        assert "invalid-credential" in shown["/debug/configz"][1]
    log = (tmp_path / "log").read_text()
    assert "is not the key of the certificate" in log
    assert leaks(log) == []


@pytest.mark.parametrize(
    "command",
    [
        ("validate", "CONFIG"),
        ("validate", "CONFIG", "-o", "json"),
        ("analyze", "CONFIG"),
        ("render", "--config", "CONFIG", *PROXY, "-o", "json"),
        ("render", "--config", "CONFIG", *PROXY, "-o", "yaml"),
        ("render", "--config", "CONFIG", *PROXY, "-o", "envoy"),
        ("explain", "--config", "CONFIG", "--gateway", "front.default", "https://front.example.com:8443/"),
    ],
    ids=lambda command: "-".join((command[0], command[-1].lower() if len(command[-1]) < 8 else "")),
)
def test_no_command_shows_a_key(config: Path, command: tuple[str, ...]) -> None:
    arguments = [str(config) if argument == "CONFIG" else argument for argument in command]
    ran = subprocess.run(
        [sys.executable, "-m", "xds.app.cli", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in ran.stderr
    assert ran.stdout or ran.stderr
    assert leaks(ran.stdout + ran.stderr) == []


async def test_the_file_that_a_preflight_shows_to_envoy_is_for_nobody_else(tmp_path: Path) -> None:
    """It is gone afterwards: here the program is one that keeps a note of its mode."""
    program = tmp_path / "envoy"
    program.write_text(f'#!/bin/sh\nfor last; do :; done\nstat -c %a "$last" "${{last%/*}}" > {tmp_path}/modes\n')
    program.chmod(0o700)
    assert await EnvoyValidator(program)([Resource.of(CLUSTER, "a", b"")]) is None
    assert (tmp_path / "modes").read_text().split() == ["600", "700"]
