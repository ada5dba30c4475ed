"""What is explained between proxies that have proven who they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.app.explain.test_explain_command import lines, run, steps
from xds.app.errors import StartError

MESH = """\
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec:
  clusterIP: 10.96.0.1
  selector: {app: reviews}
  ports:
  - {name: http, port: 80}
  - {name: tcp-lines, port: 9000}
---
apiVersion: v1
kind: Service
metadata: {name: ratings}
spec: {clusterIP: 10.96.0.2, selector: {app: ratings}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: reviews-1, labels: {app: reviews, security.istio.io/tlsMode: istio}}
spec: {serviceAccountName: reviews}
status: {podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: ratings-1, labels: {app: ratings}}
status: {podIP: 10.0.0.2}
---
apiVersion: v1
kind: Pod
metadata: {name: client, labels: {app: client}}
spec: {serviceAccountName: shopper}
status: {podIP: 10.0.0.9}
"""
POLICY = """\
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: strict}
spec:
  mtls: {mode: STRICT}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: lines}
spec:
  selector: {matchLabels: {app: reviews}}
  portLevelMtls:
    "9000": {mode: PERMISSIVE}
"""
FROM = ("--from", "client.default", "--mtls")
REFUSED = "no filter chain matches the connection, which is in plain text"
SERVER_NAME = "outbound_.80_._.reviews.default.svc.cluster.local"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "mesh.yaml").write_text(MESH)
    (tmp_path / "policy.yaml").write_text(POLICY)
    return tmp_path


def inbound(config: Path, *arguments: str) -> dict[str, Any]:
    """The other end's part of the only outcome."""
    (outcome,) = steps(config, *FROM, *arguments)["outcomes"]
    found: dict[str, Any] = outcome["forwarded"]["inbound"]
    return found


def line(text: str) -> int:
    """Of the policies, counted from 1."""
    return next(number for number, each in enumerate(POLICY.splitlines(), 1) if text in each)


def test_requests_go_by_mutual_tls_as_the_workloads_own_account(config: Path) -> None:
    found = inbound(config, "http://reviews/a")
    assert (found["serverName"], found["principal"]) == (SERVER_NAME, "spiffe://cluster.local/ns/default/sa/shopper")
    assert "istio-http/1.1" in found["alpn"]
    assert "transport_protocol tls" in found["filterChain"]["match"]
    assert found["outcomes"][0]["forwarded"]["cluster"]["endpoints"][0]["address"] == "10.0.0.1:80"
    assert found["peerAuthentication"]["mode"] == "STRICT"
    assert lines(found["peerAuthentication"]["from"]) == [
        ("PeerAuthentication/strict.default spec.mtls", line("STRICT"))
    ]


def test_plain_text_is_refused_where_it_has_to_be_tls(config: Path) -> None:
    found = inbound(config, "http://ratings/a")
    assert found["transport"] == "plain text"
    assert found["outcomes"] == [{"share": 1.0, "ended": REFUSED}]
    text = run(config, *FROM, "http://ratings/a")
    assert "inbound            at ratings-1.default, in plain text\n  mutual TLS       STRICT\n" in text


def test_a_port_may_be_an_exception(config: Path) -> None:
    found = inbound(config, "tcp://reviews:9000")
    assert found["peerAuthentication"]["mode"] == "PERMISSIVE"
    place = ("PeerAuthentication/lines.default spec.portLevelMtls.9000", line('"9000"'))
    assert lines(found["peerAuthentication"]["from"]) == [place]
    assert (found["transport"], found["alpn"]) == ("TLS", ["istio-peer-exchange", "istio"])


def test_without_a_policy_both_are_accepted(config: Path) -> None:
    (config / "policy.yaml").unlink()
    found = inbound(config, "http://ratings/a")
    assert found["peerAuthentication"] == {"mode": "PERMISSIVE", "from": []}
    assert "forwarded" in found["outcomes"][0]
    assert "mutual TLS       PERMISSIVE, by default" in run(config, *FROM, "http://ratings/a")


TO = ("--to", "reviews-1.default", "--mtls")


def test_a_client_without_a_proxy_is_refused_if_it_has_no_identity(config: Path) -> None:
    assert steps(config, *TO, "http://reviews:80/a")["outcomes"] == [{"share": 1.0, "ended": REFUSED}]
    (outcome,) = steps(config, *TO, "https://reviews:80/a")["outcomes"]
    assert outcome["ended"] == "a certificate is asked for, and the client shows none"
    assert "forwarded" in steps(config, *TO, "tcp://reviews:9000")["outcomes"][0]


def test_one_with_an_identity_is_not(config: Path) -> None:
    found = steps(config, *TO, "--principal", "cluster.local/other/someone", "http://reviews:80/a")
    assert found["outcomes"][0]["forwarded"]["cluster"]["endpoints"][0]["address"] == "10.0.0.1:80"


@pytest.mark.parametrize("principal", ["cluster.local/other/someone", "spiffe://cluster.local/ns/other/sa/someone"])
def test_another_may_be_said_to_ask(config: Path, principal: str) -> None:
    found = inbound(config, "http://reviews/a", "--principal", principal)
    assert found["principal"] == "spiffe://cluster.local/ns/other/sa/someone"
    assert "forwarded" in found["outcomes"][0]


def test_who_is_of_another_trust_domain_is_not_accepted(config: Path) -> None:
    (outcome,) = inbound(config, "http://reviews/a", "--principal", "elsewhere.example/default/client")["outcomes"]
    assert outcome["ended"] == (
        "the client's certificate is of spiffe://elsewhere.example/ns/default/sa/client, "
        'and its name has to be one that begins with "spiffe://cluster.local/"'
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--principal", "Nobody Known"), "--principal:"),
        (("--claims", "[]"), "--claims is no JSON object"),
        (("--claims", "{"), "--claims:"),
        (("--claims", "@/no/such/file"), "--claims:"),
        (("--source-ip", "here"), "--source-ip here is no IP address"),
    ],
)
def test_what_is_wrong_is_said(config: Path, arguments: tuple[str, ...], reason: str) -> None:
    with pytest.raises(StartError, match=reason):
        run(config, "--from", "client.default", *arguments, "http://reviews/a")
