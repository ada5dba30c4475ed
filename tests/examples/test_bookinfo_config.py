"""The example's files agree with each other and with the description of its processes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from examples.bookinfo.topology import (
    APP_HOST,
    GATEWAY,
    MESH_CONFIG,
    MESH_DIR,
    PROXY_HTTP_PORT,
    ROOT,
    SERVICE_PORT,
    STEPS,
    STEPS_DIR,
    WORKLOADS,
    Step,
)

NEW_FILES = {"gateway.yaml"}

Document = dict[str, Any]  # a YAML document, looked into by the assertions alone


def documents(files: Iterable[Path]) -> list[Document]:
    return [document for file in sorted(files) for document in yaml.safe_load_all(file.read_text())]


def of_kind(kind: str, folder: Path = MESH_DIR) -> dict[str, Document]:
    found = [document for document in documents(folder.glob("*.yaml")) if document["kind"] == kind]
    return {document["metadata"]["name"]: document["spec"] for document in found}


def after(step: str) -> list[Document]:
    """The documents in force when the steps up to ``step`` have been copied over the mesh, one after the other."""
    files = {file.name: file for file in MESH_DIR.glob("*.yaml")}
    for folder in sorted(folder for folder in STEPS_DIR.iterdir() if folder.name <= step):
        files |= {file.name: file for file in folder.glob("*.yaml")}
    return documents(files.values())


def test_workload_entries_are_the_workloads() -> None:
    expected = {
        w.name: {
            "address": w.ip,
            "labels": {**w.labels, "security.istio.io/tlsMode": "istio"},
            "serviceAccount": w.service_account,
        }
        for w in WORKLOADS
    }
    assert of_kind("WorkloadEntry") == expected


def test_each_sidecar_hands_its_service_port_to_its_application() -> None:
    sidecars = of_kind("Sidecar")
    assert sidecars.keys() == {w.name for w in WORKLOADS}
    for workload in WORKLOADS:
        sidecar = sidecars[workload.name]
        (ingress,) = sidecar["ingress"]
        assert sidecar["workloadSelector"]["labels"] == dict(workload.labels)
        assert ingress["port"]["number"] == SERVICE_PORT
        assert ingress["defaultEndpoint"] == f"{APP_HOST}:{workload.app_port}"


def test_no_two_processes_share_an_address() -> None:
    assert len({w.ip for w in WORKLOADS} | {GATEWAY.ip}) == len(WORKLOADS) + 1
    assert len({w.app_port for w in WORKLOADS}) == len(WORKLOADS)


def test_services_and_subsets_cover_the_workloads() -> None:
    services, rules = of_kind("Service"), of_kind("DestinationRule")
    for workload in WORKLOADS:
        assert services[workload.app]["selector"] == {"app": workload.app}
        assert [port["port"] for port in services[workload.app]["ports"]] == [SERVICE_PORT]
        subsets = {subset["name"]: subset["labels"] for subset in rules[workload.app]["subsets"]}
        assert subsets[workload.version] == {"version": workload.version}


def test_the_mesh_config_opens_the_proxy_port_that_applications_use() -> None:
    assert yaml.safe_load(MESH_CONFIG.read_text())["proxyHttpPort"] == PROXY_HTTP_PORT
    assert all(w.command("python")[-1] == f"http://{w.ip}:{PROXY_HTTP_PORT}" for w in WORKLOADS)


def test_the_steps_are_the_folders() -> None:
    assert [step.name for step in STEPS] == sorted(folder.name for folder in STEPS_DIR.iterdir())


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_step_replaces_whole_files_and_defines_each_object_once(step: Step) -> None:
    names = {file.name for file in step.directory.iterdir()}
    assert names <= {file.name for file in MESH_DIR.iterdir()} | NEW_FILES
    keys = [(document["kind"], document["metadata"]["name"]) for document in after(step.name)]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_every_route_of_a_step_leads_to_a_subset_and_weights_add_up(step: Step) -> None:
    subsets = {host: {s["name"] for s in rule["subsets"]} for host, rule in of_kind("DestinationRule").items()}
    routes = [
        route["route"]
        for document in after(step.name)
        if document["kind"] == "VirtualService"
        for route in document["spec"]["http"]
    ]
    for route in routes:
        destinations = [entry["destination"] for entry in route]
        assert all("port" in d or d["subset"] in subsets[d["host"]] for d in destinations)
        assert len(route) == 1 or sum(entry["weight"] for entry in route) == 100


def test_the_gateway_listens_on_the_gateways_own_address() -> None:
    (gateway,) = of_kind("Gateway", STEPS_DIR / "08-ingress").values()
    (server,) = gateway["servers"]
    assert gateway["selector"].items() <= GATEWAY.labels.items()
    assert (server["bind"], server["port"]["number"]) == (GATEWAY.ip, GATEWAY.port)


def test_the_kubernetes_manifests_mix_the_api_versions() -> None:
    versions = {document["apiVersion"] for document in documents((ROOT / "kubernetes").glob("*.yaml"))}
    assert versions == {
        "v1",
        "apps/v1",
        "networking.istio.io/v1",
        "networking.istio.io/v1beta1",
        "networking.istio.io/v1alpha3",
    }
