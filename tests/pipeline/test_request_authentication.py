"""Which rules for tokens a proxy has, and that nothing changes but what concerns it."""

from __future__ import annotations

from dataclasses import replace

from tests.translators.kit import meta
from xds.model.labels import EMPTY_LABELS, Labels
from xds.model.mesh import EMPTY_MESH, Mesh
from xds.model.objects import Origin, Place
from xds.model.proxy import CaptureMode, Proxy, ProxyType
from xds.model.request_authentication import (
    JwtRule,
    KeySet,
    KeySets,
    KeysFailure,
    KeysReference,
    ProxyJwtRule,
    RequestAuthentication,
)
from xds.pipeline import Memo, view_key
from xds.pipeline.attachment import GATEWAY_NAME
from xds.pipeline.request_authentication import jwt_rules_of

PLACE = Place(Origin("mesh.yaml", 1), "spec.jwtRules[0]")
AWAY = KeysReference("away")
WRITTEN = KeySet("written")


def policy(
    name: str, *issuers: str, namespace: str = "default", gateways: tuple[str, ...] | None = None, **labels: str
) -> RequestAuthentication:
    rules = tuple(JwtRule(issuer, AWAY if issuer == "away" else WRITTEN, PLACE) for issuer in issuers)
    selector = Labels(labels) if labels else EMPTY_LABELS
    return RequestAuthentication(meta("RequestAuthentication", name, namespace), rules, selector, gateways)


def mesh(*policies: RequestAuthentication, key_sets: KeySets | None = None) -> Mesh:
    namespaces = {each.meta.namespace for each in policies}
    by_namespace = {name: tuple(each for each in policies if each.meta.namespace == name) for name in namespaces}
    return replace(EMPTY_MESH, request_authentications=by_namespace, key_sets=key_sets or {})


def proxy(labels: Labels = EMPTY_LABELS, *, proxyless: bool = False) -> Proxy:
    return Proxy(
        "sidecar~10.0.0.1~a.default~default.svc.cluster.local",
        ProxyType.SIDECAR,
        "a",
        "default",
        ("10.0.0.1",),
        "default.svc.cluster.local",
        labels,
        capture=CaptureMode.REDIRECT,
        proxyless=proxyless,
    )


def rules(made: Mesh, of: Proxy, memo: Memo | None = None) -> tuple[ProxyJwtRule, ...]:
    used = Memo() if memo is None else memo
    return jwt_rules_of(made, view_key(made, of, used), used)


def issuers(made: Mesh, of: Proxy) -> list[str]:
    return [each.rule.issuer for each in rules(made, of)]


def test_rules_of_mesh_namespace_and_workload_add_up_in_the_order_of_issuers() -> None:
    made = mesh(
        policy("mesh", "c", namespace="istio-system"),
        policy("namespace", "b"),
        policy("workload", "d", "a", app="reviews"),
        policy("other", "x", app="ratings"),
        policy("elsewhere", "y", namespace="elsewhere"),
    )
    assert issuers(made, proxy(Labels({"app": "reviews"}))) == ["a", "b", "c", "d"]
    assert issuers(made, proxy()) == ["b", "c"]


def test_a_policy_can_be_attached_to_a_gateway_of_its_own_namespace() -> None:
    made = mesh(
        policy("own", "a", gateways=("shop",)),
        policy("root", "b", namespace="istio-system", gateways=("shop",)),
        policy("of-none", "c", gateways=()),
    )
    assert issuers(made, proxy(Labels({GATEWAY_NAME: "shop"}))) == ["a"]
    assert issuers(made, proxy()) == []


def test_clients_without_a_proxy_verify_nothing() -> None:
    assert issuers(mesh(policy("a", "a")), proxy(proxyless=True)) == []


def test_keys_that_cannot_be_had_are_none() -> None:
    made = mesh(policy("a", "away", "here"))
    for key_sets, found in (({}, ""), ({AWAY: KeysFailure("no")}, ""), ({AWAY: KeySet("fetched")}, "fetched")):
        assert [each.jwks for each in rules(replace(made, key_sets=key_sets), proxy())] == [found, "written"]


def test_what_does_not_concern_a_proxy_changes_nothing_for_it() -> None:
    memo, made = Memo(), mesh(policy("a", "away"), policy("b", "b", app="b"))
    before = rules(made, proxy(), memo)
    others: KeySets = {KeysReference("another"): KeySet("keys"), AWAY: KeysFailure("no")}
    assert rules(replace(made, key_sets=others), proxy(), memo) is before
    had = replace(made, key_sets={AWAY: KeySet("fetched")})
    after = rules(had, proxy(), memo)
    assert after is not before
    kept = replace(made, key_sets={AWAY: KeySet("fetched", remark="nobody answers now")})
    assert rules(kept, proxy(), memo) is after
