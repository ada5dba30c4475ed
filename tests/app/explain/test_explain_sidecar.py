"""What is explained where a Sidecar declares listeners: Unix sockets, ports of the workload, a proxy for the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.explain.test_explain_command import FROM, lines, steps

SIDECAR = """\
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: client, namespace: default}
spec:
  workloadSelector: {labels: {app: client}}
  outboundTrafficPolicy:
    mode: ALLOW_ANY
    egressProxy: {host: pods.default.svc.cluster.local, port: {number: 9100}}
  ingress:
  - port: {number: 9443, protocol: HTTPS, name: https}
    defaultEndpoint: 127.0.0.1:8080
    tls: {mode: SIMPLE, serverCertificate: /etc/server.pem, privateKey: /etc/server.key}
  egress:
  - port: {protocol: HTTP}
    bind: unix:///run/out.sock
    hosts: ["./reviews.default.svc.cluster.local"]
  - hosts: ["./reviews.default.svc.cluster.local"]
"""
SOCKET = ("--address", "unix:///run/out.sock")
PROXY = ("--capture", "none", "--ip", "127.9.9.9", "--address", "127.9.9.9")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "mesh.yaml").write_text(
        """\
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec: {clusterIP: 10.96.0.1, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: pods}
spec: {clusterIP: 10.96.0.2, ports: [{name: http, port: 9100}]}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: client}
spec: {address: 10.0.0.9, labels: {app: client}}
"""
    )
    (tmp_path / "sidecar.yaml").write_text(SIDECAR)
    return tmp_path


def test_a_request_on_a_unix_socket(config: Path) -> None:
    found = steps(config, *FROM, *SOCKET, "http://reviews/")
    assert found["listener"]["name"] == "unix:///run/out.sock_0"
    assert found["virtualHost"]["domain"] == "reviews"


def test_what_nobody_knows_goes_to_the_egress_proxy(config: Path) -> None:
    for asked in (("http://other.example.com/",), (*SOCKET, "http://other.example.com/")):
        found = steps(config, *FROM, *asked)
        assert found["virtualHost"]["name"] == "allow_any"
        assert "outbound|9100||pods.default.svc.cluster.local" in str(found)


def test_a_port_of_the_workload_is_the_sidecars(config: Path) -> None:
    found = steps(config, *FROM, *PROXY, "https://127.9.9.9:9443/")
    assert found["listener"]["name"] == "127.9.9.9_9443"
    place = SIDECAR[: SIDECAR.index("  - port: {number: 9443")].count("\n") + 1
    assert ("Sidecar/client.default spec.ingress[0]", place) in lines(found["filterChain"]["from"])
    assert "127.0.0.1:8080" in str(found)


def test_plain_text_is_not_spoken_where_tls_ends(config: Path) -> None:
    found = steps(config, *FROM, *PROXY, "http://127.9.9.9:9443/")
    assert "the client speaks HTTP without TLS" in str(found)
