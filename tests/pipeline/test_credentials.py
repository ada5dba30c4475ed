"""Which credentials a proxy may have, and what of them stays the same from one view to the next."""

from __future__ import annotations

from dataclasses import replace

from tests.certificates import Authority
from tests.config.folder import Folder
from tests.documents import document, entry, gateway, rule, secret
from xds.model.credentials import NO_CREDENTIALS, Credentials
from xds.model.labels import Labels
from xds.model.mesh import Mesh
from xds.model.proxy import Proxy, ProxyType
from xds.pipeline import Memo, view_key, view_of

ROOT = Authority("root")
PORTS = [{"port": {"number": 80}, "tls": {"mode": "SIMPLE", "credentialName": "of-port"}}]
SUBSETS = [
    {"name": "v1", "labels": {"v": "1"}, "trafficPolicy": {"tls": {"mode": "MUTUAL", "credentialName": "of-subset"}}}
]
EVERYWHERE = document(
    "networking.istio.io/v1",
    "DestinationRule",
    "api",
    "default",
    {
        "spec": {
            "host": "api.example.com",
            "trafficPolicy": {
                "tls": {"mode": "MUTUAL", "credentialName": "kubernetes://of-rule"},
                "portLevelSettings": PORTS,
            },
            "subsets": SUBSETS,
        }
    },
)
SECRETS = "".join(secret(name, ROOT.issue(name), ROOT) for name in ("of-rule", "of-port", "of-subset", "unused"))


def proxy(kind: ProxyType = ProxyType.ROUTER, namespace: str = "default", **labels: str) -> Proxy:
    suffix = f"{namespace}.svc.cluster.local"
    return Proxy("id", kind, "it", namespace, ("10.0.0.1",), suffix, labels=Labels(labels))


def given(mesh: Mesh, who: Proxy, memo: Memo | None = None) -> Credentials:
    memo = Memo() if memo is None else memo
    return view_of(mesh, view_key(mesh, who, memo), memo).credentials


def test_a_rule_names_credentials_in_many_places() -> None:
    found = given(Folder().write(a=entry("api", "api.example.com") + EVERYWHERE, b=SECRETS).mesh, proxy())
    assert set(found.key_pairs) == {"of-rule", "of-subset"}
    assert set(found.authorities) == {"of-rule", "of-subset", "of-port"}
    assert found.get("of-rule") is found.get("kubernetes://of-rule")
    assert (found.get("of-port"), found.get("unused"), found.authority("unused")) == (None, None, None)


def test_a_rule_for_a_service_that_the_proxy_does_not_see_gives_nothing() -> None:
    hidden = entry("api", "api.example.com").replace('"hosts"', '"exportTo": ["."], "hosts"')
    other = entry("api", "api.example.com", namespace="other").replace('"hosts"', '"exportTo": ["."], "hosts"')
    mesh = Folder().write(a=other + EVERYWHERE, b=SECRETS).mesh
    assert given(mesh, proxy()) is NO_CREDENTIALS
    assert given(Folder().write(a=hidden + EVERYWHERE, b=SECRETS).mesh, proxy())


def test_an_authority_need_not_be_verified_against() -> None:
    tls = {"mode": "MUTUAL", "credentialName": "of-rule", "insecureSkipVerify": True}
    text = entry("api", "api.example.com") + rule("api", "api.example.com", tls)
    found = given(Folder().write(a=text, b=SECRETS).mesh, proxy())
    assert (set(found.key_pairs), set(found.authorities)) == ({"of-rule"}, set())


def test_a_secret_of_its_own_comes_before_the_secret_of_the_certificate() -> None:
    text = entry("api", "api.example.com") + EVERYWHERE
    other = Authority("other")
    folder = Folder().write(a=text, b=SECRETS, c=secret("of-rule-cacert", authority=other))
    found = given(folder.mesh, proxy()).authority("of-rule")
    assert found is not None
    assert found.meta.name == "of-rule-cacert"
    found = given(folder.write(c=secret("of-rule-cacert", ROOT.issue("x"))).mesh, proxy()).authority("of-rule")
    assert found is None, "a Secret that is there and has no authority does not let another one speak for it"


def test_only_gateways_that_are_selected_have_what_a_server_names() -> None:
    server = {"mode": "MUTUAL", "credentialNames": ["of-rule", "of-port"], "caCertCredentialName": "clients"}
    text = gateway("front", server, selector="front") + secret("clients", authority=ROOT)
    mesh = Folder().write(a=text, b=SECRETS).mesh
    found = given(mesh, proxy(istio="front"))
    assert (set(found.key_pairs), set(found.authorities)) == ({"of-rule", "of-port"}, {"clients"})
    assert given(mesh, proxy(istio="back")) is NO_CREDENTIALS
    assert given(mesh, proxy(ProxyType.SIDECAR, istio="front")) is NO_CREDENTIALS
    assert given(mesh, proxy(namespace="other", istio="front")) is NO_CREDENTIALS


def test_a_mesh_without_credentials_is_not_looked_at() -> None:
    mesh = Folder().write(a=entry("api", "api.example.com") + EVERYWHERE).mesh
    assert given(mesh, proxy()) is NO_CREDENTIALS


def test_what_a_change_does_not_concern_stays_the_same_object() -> None:
    memo, who = Memo(), proxy()
    folder = Folder().write(a=entry("api", "api.example.com") + EVERYWHERE, b=SECRETS)
    before = given(folder.mesh, who, memo)
    assert given(folder.write(c=entry("more", "more.example.com")).mesh, who, memo) is before
    after = given(folder.write(d=secret("clients", authority=ROOT)).mesh, who, memo)
    assert after.get("of-rule") is before.get("of-rule")
    assert given(folder.mesh, replace(who, overheard=True), memo) is NO_CREDENTIALS
    grpc = replace(who, type=ProxyType.SIDECAR, proxyless=True)
    assert given(folder.mesh, grpc, memo) is NO_CREDENTIALS
