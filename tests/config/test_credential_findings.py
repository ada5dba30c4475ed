"""Credentials that are asked for and are not there, as files come, change and go."""

from __future__ import annotations

import json

from tests.certificates import Authority
from tests.config.folder import Folder, service, workload

ROOT = Authority("root")


def secret(name: str, *halves: str, namespace: str = "default", kind: str = "Secret") -> str:
    """halves: ``pair`` and ``ca``; with none it is there, and has nothing."""
    leaf = ROOT.issue(name)
    pair = {"tls.crt": leaf.chain, "tls.key": leaf.key_pem} if "pair" in halves else {}
    data = {**pair, **({"ca.crt": ROOT.pem} if "ca" in halves else {})}
    field = "stringData" if kind == "Secret" else "data"
    metadata = f"{{name: {name}, namespace: {namespace}}}"
    return f"apiVersion: v1\nkind: {kind}\nmetadata: {metadata}\n{field}: {json.dumps(data)}\n---\n"


def rule(tls: str, more: str = "") -> str:
    """What asks is on its line 8."""
    return f"""\
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: {{name: api}}
        spec:
          host: api.example.com
          trafficPolicy:
            tls:
              credentialName: {tls}
              mode: MUTUAL
          {more}
        """


def gateway(tls: str, selector: str = "{app: ingress}") -> str:
    return f"""\
        apiVersion: networking.istio.io/v1
        kind: Gateway
        metadata: {{name: front, namespace: shop}}
        spec:
          selector: {selector}
          servers:
          - hosts: ["*"]
            port: {{number: 443, name: https, protocol: HTTPS}}
            tls: {tls}
        """


def said(folder: Folder) -> list[str]:
    """Where and who, and what."""
    found = folder.configuration.fold.credentials.diagnostics
    return [f"{d.origin} {d.object}: {d.reason}" for d in found]


def paths(folder: Folder) -> list[tuple[str, str]]:
    return [(d.path, d.code) for d in folder.configuration.fold.credentials.diagnostics]


def reasons(folder: Folder) -> list[str]:
    return [d.reason for d in folder.configuration.fold.credentials.diagnostics]


SELECTED = "workloadSelector: {matchLabels: {app: a}}"


def test_a_rule_for_workloads_needs_what_it_names_in_its_own_namespace() -> None:
    folder = Folder().write(rule=rule("api", SELECTED), secret=secret("api", "pair", "ca", namespace="other"))
    there = "where its proxies are (other has one, but a proxy gets those of its own namespace only): connections fail"
    user = "rule.yaml:8 DestinationRule/api.default"
    assert said(folder) == [
        f"{user}: there is no Secret api in force in namespace default, {there}",
        f"{user}: there is no Secret api-cacert, Secret api or ConfigMap api in force in namespace default, {there}",
    ]
    assert paths(folder) == [("spec.trafficPolicy.tls.credentialName", "unknown-credential")] * 2
    assert said(folder.write(secret=secret("api", "pair", "ca"))) == []
    assert len(said(folder.write(secret=None))) == 2
    assert said(folder.write(rule=None)) == []


def test_a_rule_for_gateways_needs_it_wherever_they_are() -> None:
    folder = Folder().write(rule=rule("api"), secret=secret("api", "pair", "ca", namespace="other"))
    assert said(folder) == []
    assert reasons(folder.write(secret=None)) == [
        "there is no Secret api in force: connections fail",
        "there is no Secret api-cacert, Secret api or ConfigMap api in force: connections fail",
    ]


def test_an_authority_may_be_in_three_places() -> None:
    folder = Folder().write(rule=rule("api", SELECTED), secret=secret("api", "pair"))
    own, configured = secret("api-cacert", "ca"), secret("api", "ca", kind="ConfigMap")
    assert said(folder.write(ca=own)) == []
    assert len(said(folder.write(ca=configured))) == 2  # the Secret is asked first
    assert said(folder.write(secret=secret("api", "pair", "ca"), ca=None)) == []


def test_a_secret_that_lacks_what_is_asked_for_is_told_on_both_sides() -> None:
    folder = Folder().write(rule=rule("api", SELECTED), secret=secret("api", "pair"))
    user, lack = "DestinationRule/api.default", "has no authority (ca.crt)"
    assert said(folder) == [
        f"rule.yaml:8 {user}: Secret/api.default at secret.yaml:1 {lack}: connections fail",
        f"secret.yaml:1 Secret/api.default: {lack}, for which {user} at rule.yaml:8 asks",
    ]
    assert paths(folder)[1] == ("", "unusable-credential")
    found = reasons(folder.write(secret=secret("api")))
    assert found[0].endswith("has no certificate with its key (tls.crt, tls.key): connections fail")


def test_a_gateway_needs_it_where_its_proxies_run_or_else_anywhere() -> None:
    folder = Folder().write(gateway=gateway("{mode: SIMPLE, credentialName: web}"))
    reason = "there is no Secret web in force: the server is left out"
    assert said(folder) == [f"gateway.yaml:9 Gateway/front.shop: {reason}"]
    assert said(folder.write(secret=secret("web", "pair", namespace="edge"))) == []
    assert len(said(folder.write(pod=workload("ingress", "10.0.0.9", "ingress")))) == 1
    assert said(folder.write(secret=secret("web", "pair"))) == []
    assert said(folder.write(pod=None, secret=secret("web", "pair", namespace="edge"))) == []


def test_each_of_several_names_is_told_at_its_place() -> None:
    tls = "{mode: MUTUAL, credentialNames: [rsa, ecdsa], caCertCredentialName: clients}"
    folder = Folder().write(gateway=gateway(tls), secrets=secret("rsa", "pair"))
    assert paths(folder) == [
        ("spec.servers[0].tls.credentialNames[1]", "unknown-credential"),
        ("spec.servers[0].tls.caCertCredentialName", "unknown-credential"),
    ]
    assert reasons(folder)[0].endswith("the server does with the others, and is left out without any")
    assert said(folder.write(more=secret("ecdsa", "pair") + secret("clients", "ca", kind="ConfigMap"))) == []


def test_a_name_may_have_its_scheme_and_a_file_needs_no_secret() -> None:
    folder = Folder().write(gateway=gateway("{mode: SIMPLE, credentialName: 'kubernetes://web'}"))
    assert len(said(folder)) == 1
    assert said(folder.write(secret=secret("web", "pair"))) == []
    files = "{mode: SIMPLE, serverCertificate: /crt, privateKey: /key}"
    assert said(folder.write(gateway=gateway(files), secret=None)) == []


def test_changes_that_have_nothing_to_do_with_it_leave_the_findings_as_they_are() -> None:
    folder = Folder().write(a=service("a"))
    empty = folder.configuration.fold.credentials
    assert folder.write(secret=secret("api", "pair")).configuration.fold.credentials is empty
    before = folder.write(gateway=gateway("{mode: SIMPLE, credentialName: web}")).configuration.fold.credentials
    assert before is not empty
    assert folder.write(a=service("b"), pod=workload("a", "10.0.0.1", "a")).configuration.fold.credentials is before
