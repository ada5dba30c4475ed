"""Which AuthorizationPolicies a proxy is given, and that nothing else in the mesh changes the answer."""

from __future__ import annotations

from dataclasses import replace

from tests.translators import kit
from xds.model.authorization import AuthorizationPolicy
from xds.model.labels import EMPTY_LABELS, Labels
from xds.model.mesh import Mesh
from xds.model.proxy import Proxy
from xds.pipeline import Memo, view_key, view_of

REVIEWS = Labels({"app": "reviews"})
PROXY = replace(kit.SIDECAR, labels=REVIEWS)


def policy(
    name: str, namespace: str = "default", selector: Labels = EMPTY_LABELS, gateways: tuple[str, ...] | None = None
) -> AuthorizationPolicy:
    return AuthorizationPolicy(kit.meta("AuthorizationPolicy", name, namespace), selector=selector, gateways=gateways)


def with_policies(*policies: AuthorizationPolicy) -> Mesh:
    groups: dict[str, tuple[AuthorizationPolicy, ...]] = {}
    for each in policies:
        groups[each.meta.namespace] = (*groups.get(each.meta.namespace, ()), each)
    return replace(kit.mesh([kit.service("reviews")]), authorization_policies=groups)


def given_to(proxy: Proxy, mesh: Mesh, memo: Memo) -> tuple[AuthorizationPolicy, ...]:
    return view_of(mesh, view_key(mesh, proxy, memo), memo).authorization


def names(proxy: Proxy, *policies: AuthorizationPolicy) -> list[str]:
    return [each.meta.name for each in given_to(proxy, with_policies(*policies), Memo())]


def test_those_of_the_root_namespace_and_of_its_own_that_select_it() -> None:
    assert names(
        PROXY,
        policy("own"),
        policy("selecting", selector=REVIEWS),
        policy("selecting-others", selector=Labels({"app": "ratings"})),
        policy("elsewhere", "other"),
        policy("root", "istio-system"),
        policy("root-selecting", "istio-system", REVIEWS),
        policy("root-selecting-others", "istio-system", Labels({"app": "ratings"})),
    ) == ["root", "root-selecting", "own", "selecting"]


def test_a_proxy_of_the_root_namespace_has_each_once() -> None:
    assert names(replace(PROXY, namespace="istio-system"), policy("root", "istio-system")) == ["root"]


def test_a_gateway_is_named_in_its_own_namespace_only() -> None:
    gateway = replace(PROXY, labels=Labels({"gateway.networking.k8s.io/gateway-name": "front"}))
    named = policy("named", gateways=("front",))
    assert names(gateway, named, policy("other", gateways=("back",))) == ["named"]
    assert names(gateway, policy("root", "istio-system", gateways=("front",))) == []
    assert names(PROXY, named) == []
    assert names(gateway, policy("nothing-named", gateways=())) == []


def test_a_client_without_a_proxy_has_none() -> None:
    assert names(replace(PROXY, proxyless=True), policy("own")) == []


def test_the_answer_is_the_same_object_while_the_policies_are() -> None:
    memo, own = Memo(), policy("own")
    first = given_to(PROXY, with_policies(own), memo)
    assert given_to(PROXY, with_policies(own, policy("elsewhere", "other")), memo) is first
    assert given_to(PROXY, with_policies(own, policy("more")), memo) != first
