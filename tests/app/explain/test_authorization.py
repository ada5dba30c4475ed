"""Which AuthorizationPolicy decides, and where it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.app.explain.test_explain_command import lines, run, steps
from tests.app.explain.test_mutual_tls import FROM, MESH
from xds.app.errors import StartError

POLICIES = """\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: refusing}
spec:
  selector: {matchLabels: {app: reviews}}
  action: DENY
  rules:
  - to:
    - operation: {paths: ["/admin"]}
  - from:
    - source: {notNamespaces: [default]}
    to:
    - operation: {methods: [POST]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: allowing}
spec:
  selector: {matchLabels: {app: reviews}}
  rules:
  - from:
    - source: {principals: ["cluster.local/ns/default/sa/shopper"]}
  - from:
    - source: {ipBlocks: ["10.7.0.0/16"]}
"""
STRANGER = ("--principal", "cluster.local/other/stranger")
ALLOWING, REFUSING = (
    "AuthorizationPolicy/allowing.default spec.rules",
    "AuthorizationPolicy/refusing.default spec.rules",
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "mesh.yaml").write_text(MESH)
    (tmp_path / "policies.yaml").write_text(POLICIES)
    return tmp_path


def inbound(config: Path, *arguments: str) -> dict[str, Any]:
    (outcome,) = steps(config, *FROM, *arguments)["outcomes"]
    found: dict[str, Any] = outcome["forwarded"]["inbound"]
    return found


def line(text: str, number: int) -> int:
    """Of the occurrence of a text that has this number, counted from 1."""
    return [count for count, each in enumerate(POLICIES.splitlines(), 1) if text in each][number - 1]


def test_who_is_allowed_is_told_by_what(config: Path) -> None:
    found = inbound(config, "http://reviews/a")
    denying, allowing = found["routes"][0]["checks"]
    assert denying["decision"] == "DENY: no policy applies"
    assert [each["policy"] for each in denying["passedOver"]] == ["refusing.default rule 0", "refusing.default rule 1"]
    assert allowing["decision"] == "ALLOW: policy allowing.default rule 0 applies"
    assert lines(allowing["from"]) == [(f"{ALLOWING}[0]", line("- from:", 2))]
    assert "forwarded" in found["outcomes"][0]


@pytest.mark.parametrize(
    ("arguments", "reason", "place"),
    [
        (("http://reviews/admin",), "refusing.default rule 0", (f"{REFUSING}[0]", line("- to:", 1))),
        ((*STRANGER, "POST", "http://reviews/a"), "refusing.default rule 1", (f"{REFUSING}[1]", line("- from:", 1))),
    ],
)
def test_who_is_denied_is_told_by_what(
    config: Path, arguments: tuple[str, ...], reason: str, place: tuple[str, int]
) -> None:
    found = inbound(config, *arguments)
    assert found["outcomes"][0]["answered"] == {"status": 403, "reason": f"RBAC: denied by DENY policy {reason}"}
    assert lines(found["routes"][0]["checks"][-1]["from"]) == [place]
    assert f"answer             403: RBAC: denied by DENY policy {reason}" in run(config, *FROM, *arguments)


def test_whom_nothing_allows_is_told_what_was_looked_at(config: Path) -> None:
    found = inbound(config, *STRANGER, "http://reviews/a")
    names = "allowing.default rule 0, allowing.default rule 1"
    assert found["outcomes"][0]["answered"]["reason"] == f"RBAC: no ALLOW policy matched (policies: {names})"
    passed = found["routes"][0]["checks"][-1]["passedOver"]
    assert passed[0]["reason"].endswith("but principal is spiffe://cluster.local/ns/other/sa/stranger")
    assert passed[1]["reason"] == "asks that source address is in 10.7.0.0/16, but it is 10.0.0.9"
    assert lines(each["from"] for each in passed) == [
        (f"{ALLOWING}[0]", line("- from:", 2)),
        (f"{ALLOWING}[1]", line("- from:", 3)),
    ]


def test_the_clients_address_may_be_another(config: Path) -> None:
    found = inbound(config, *STRANGER, "--source-ip", "10.7.1.1", "http://reviews/a")
    assert found["routes"][0]["checks"][-1]["decision"] == "ALLOW: policy allowing.default rule 1 applies"


def test_a_connection_that_is_refused_is_closed(config: Path) -> None:
    found = inbound(config, *STRANGER, "tcp://reviews:9000")
    assert [check["decision"] for check in found["checks"]] == [
        "DENY: policy refusing.default rule 0 applies",  # it denies requests, of which a connection might be one
    ]
    assert found["outcomes"] == [{"share": 1.0, "ended": "RBAC: denied by DENY policy refusing.default rule 0"}]


def test_without_mutual_tls_nobody_has_an_identity(config: Path) -> None:
    (outcome,) = steps(config, "--from", "client.default", "--inbound", "http://reviews/a")["outcomes"]
    check = outcome["forwarded"]["inbound"]["routes"][0]["checks"][-1]
    assert check["passedOver"][0]["reason"].endswith("but the connection is plain text, which proves no identity")


def test_what_is_not_said_is_asked_for(config: Path) -> None:
    to = ("--to", "reviews-1.default", "--mtls", *STRANGER, "http://reviews:80/a")
    with pytest.raises(StartError, match="source address, which is not known; say it by --source-ip"):
        run(config, *to)
    assert steps(config, *to[:-1], "--source-ip", "10.8.0.1", to[-1])["outcomes"][0]["answered"]["status"] == 403


GATEWAY = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front}
spec:
  selector: {app: front}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: front}
spec: {hosts: ["*"], gateways: [front], http: [{route: [{destination: {host: reviews}}]}]}
"""


def test_where_a_gateway_is_may_have_to_be_said(config: Path) -> None:
    (config / "gateway.yaml").write_text(GATEWAY)
    asked = ("--gateway", "front.default", "--mtls", "http://a/")
    with pytest.raises(StartError, match="of a gateway itself by --ip"):
        run(config, *asked)
    (outcome,) = steps(config, "--ip", "10.7.0.9", *asked)["outcomes"]
    allowing = outcome["forwarded"]["inbound"]["routes"][0]["checks"][-1]
    assert allowing["decision"] == "ALLOW: policy allowing.default rule 1 applies"
