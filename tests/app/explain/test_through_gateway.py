"""What is explained of requests that go by a gateway of the mesh."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.app.explain.test_explain_command import steps

MESH = """\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside}
spec:
  hosts: [outside.example.com]
  addresses: [10.97.0.1]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{name: http, number: 80, protocol: HTTP}]
  endpoints: [{address: 192.0.2.1}]
---
apiVersion: v1
kind: Service
metadata: {name: egress}
spec:
  clusterIP: 10.96.0.1
  selector: {app: egress}
  ports: [{name: https, port: 8443}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: egress}
spec:
  selector: {app: egress}
  servers:
  - port: {number: 8443, name: https, protocol: HTTPS}
    hosts: [outside.example.com]
    tls: {mode: ISTIO_MUTUAL}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: egress}
spec:
  host: egress
  trafficPolicy:
    tls: {mode: ISTIO_MUTUAL, sni: outside.example.com}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: outside}
spec:
  hosts: [outside.example.com]
  gateways: [mesh, egress]
  http:
  - match: [{gateways: [mesh]}]
    route: [{destination: {host: egress, port: {number: 8443}}}]
  - match: [{gateways: [egress]}]
    route: [{destination: {host: outside.example.com}}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: egress}
spec:
  selector: {matchLabels: {app: egress}}
  rules:
  - from: [{source: {principals: [cluster.local/ns/default/sa/shopper]}}]
---
apiVersion: v1
kind: Pod
metadata: {name: egress-1, labels: {app: egress, security.istio.io/tlsMode: istio}}
spec: {serviceAccountName: egress}
status: {podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {serviceAccountName: shopper}
status: {podIP: 10.0.0.9}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "mesh.yaml").write_text(MESH)
    return tmp_path


def at_gateway(config: Path, *arguments: str) -> dict[str, Any]:
    """What is told of it."""
    (outcome,) = steps(config, "--from", "client.default", "--mtls", *arguments)["outcomes"]
    found: dict[str, Any] = outcome["forwarded"]["inbound"]
    return found


def test_a_request_is_followed_through_it(config: Path) -> None:
    found = at_gateway(config, "http://outside.example.com/")

    assert (found["workload"], found["listener"]["name"]) == ("egress-1.default", "0.0.0.0_8443")
    assert "peerAuthentication" not in found
    (outcome,) = found["outcomes"]
    assert [each["address"] for each in outcome["forwarded"]["cluster"]["endpoints"]] == ["192.0.2.1:80"]


def test_it_lets_through_whom_its_policies_allow(config: Path) -> None:
    (outcome,) = at_gateway(config, "--principal", "cluster.local/default/guest", "http://outside.example.com/")[
        "outcomes"
    ]

    assert outcome["answered"]["status"] == 403


def test_a_gateway_object_for_all_gateways_makes_no_workload_one(config: Path) -> None:
    (config / "mesh.yaml").write_text(MESH.replace("  selector: {app: egress}\n  servers", "  servers"))

    assert at_gateway(config, "http://outside.example.com/")["peerAuthentication"]["mode"] == "PERMISSIVE"
