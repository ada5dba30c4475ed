"""The configuration of the mesh: a service with two versions, STRICT mutual TLS, and a path that nobody may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from e2e.load_mesh import HOST, Document, put, route, rule, service

PORT = 9080
FORBIDDEN = "/forbidden"


def put_mesh(config: Path, addresses: Mapping[str, str], application_port: int) -> None:
    """Writes it. addresses: of the workloads, by version; the first one is sent all requests."""
    first = next(iter(addresses))
    put(config, "service", service(HOST))
    put(config, "destination-rule", rule(*addresses))
    put(config, "virtual-service", route(**{first: 100}))
    put(config, "strict", _document("PeerAuthentication", "default", {"mtls": {"mode": "STRICT"}}))
    forbidden = {"action": "DENY", "rules": [{"to": [{"operation": {"paths": [FORBIDDEN]}}]}]}
    put(config, "forbidden", _document("AuthorizationPolicy", "forbidden", forbidden))
    for version, address in addresses.items():
        labels = {"app": HOST, "version": version}
        put(config, f"workload-{version}", _workload(version, address, labels))
        put(config, f"sidecar-{version}", _sidecar(version, labels, application_port))


def _workload(version: str, address: str, labels: Mapping[str, str]) -> Document:
    labelled = {**labels, "security.istio.io/tlsMode": "istio"}
    return _document("WorkloadEntry", version, {"address": address, "serviceAccount": version, "labels": labelled})


def _sidecar(version: str, labels: Mapping[str, str], application_port: int) -> Document:
    port = {"number": PORT, "protocol": "HTTP", "name": "http"}
    ingress = [{"port": port, "defaultEndpoint": f"127.0.0.1:{application_port}"}]
    return _document("Sidecar", version, {"workloadSelector": {"labels": labels}, "ingress": ingress})


def _document(kind: str, name: str, spec: Document) -> Document:
    group = "networking" if kind in ("WorkloadEntry", "Sidecar") else "security"
    return {"apiVersion": f"{group}.istio.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
