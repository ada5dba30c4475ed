"""Extensions in an explanation: each with its object and line, and what stands in for one that cannot be run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.app.explain.mesh import write
from tests.app.explain.test_explain_command import FROM, lines, policies, steps

LUA = """\
apiVersion: extensions.istio.io/v1alpha1
kind: TrafficExtension
metadata: {name: mark}
spec:
  lua: {inlineCode: "-- nothing"}
"""
WASM = """\
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: plugin}
spec:
  url: file:///nowhere/plugin.wasm
"""
NAME = "extensions.istio.io/wasmplugin/default.plugin"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write(tmp_path).parent


def route(config: Path, extension: str) -> Any:
    (config / "extension.yaml").write_text(extension)
    (found,) = steps(config, *FROM, "-H", "end-user: jason", "http://reviews/")["routes"]
    return found


def test_an_extension_is_named_with_its_line(config: Path) -> None:
    told = policies(route(config, LUA))["extension"]
    assert told["value"] == "extensions.istio.io/trafficextension/default.mark: Lua"
    assert lines([told["from"]]) == [("TrafficExtension/mark.default", 1)]


def test_a_module_that_cannot_be_had_refuses_every_request(config: Path) -> None:
    (config / "extension.yaml").write_text(WASM)
    found = steps(config, *FROM, "-H", "end-user: jason", "http://reviews/")
    told = policies(found["routes"][0])["extension"]
    assert told["value"] == f"{NAME}: HTTPFault"
    assert lines([told["from"]]) == [("WasmPlugin/plugin.default", 1)]
    (outcome,) = found["outcomes"]
    assert outcome["share"] == 1
    assert outcome["answered"]["status"] == 503


def test_with_fail_open_requests_go_on_without_it(config: Path) -> None:
    (config / "extension.yaml").write_text(WASM + "  failStrategy: FAIL_OPEN\n")
    found = steps(config, *FROM, "-H", "end-user: jason", "http://reviews/")
    assert policies(found["routes"][0])["extension"]["value"] == f"{NAME}: RBAC"
    assert [outcome for outcome in found["outcomes"] if "forwarded" in outcome]


def test_of_a_module_that_is_elsewhere_nothing_is_guessed(config: Path) -> None:
    (config / "extension.yaml").write_text(WASM.replace("file:///nowhere", "https://modules.example.com"))
    found = steps(config, *FROM, "-H", "end-user: jason", "http://reviews/")
    assert policies(found["routes"][0])["extension"]["value"] == f"{NAME}: what it runs has to be fetched first"
    assert [outcome for outcome in found["outcomes"] if "forwarded" in outcome]
