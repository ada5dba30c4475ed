"""Which PeerAuthentication holds for a workload, and what its proxy is given of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.translators import kit
from xds.model.identity import SpiffeId
from xds.model.labels import EMPTY_LABELS, Labels
from xds.model.mesh import Mesh
from xds.model.peer_authentication import MutualTLSMode, PeerAuthentication, PeerModes, peer_policies
from xds.model.proxy import Proxy
from xds.pipeline import Memo, view_key, view_of

UNSET, DISABLE, PERMISSIVE, STRICT = MutualTLSMode
REVIEWS = Labels({"app": "reviews"})
PROVEN = replace(kit.SIDECAR, identity=SpiffeId.of_workload("cluster.local", "default", "reviews"), labels=REVIEWS)


def policy(
    mode: MutualTLSMode, namespace: str = "default", selector: Labels = EMPTY_LABELS, **ports: MutualTLSMode
) -> PeerAuthentication:
    levels = {int(port.removeprefix("p")): level for port, level in ports.items()}
    return PeerAuthentication(kit.meta("PeerAuthentication", "a", namespace), mode, selector, levels)


def with_policies(*policies: PeerAuthentication) -> Mesh:
    groups: dict[str, tuple[PeerAuthentication, ...]] = {}
    for each in policies:
        groups[each.meta.namespace] = (*groups.get(each.meta.namespace, ()), each)
    return replace(kit.mesh([kit.service("reviews")]), peer_authentications=groups)


@pytest.mark.parametrize(
    ("policies", "mode"),
    [
        ([], PERMISSIVE),
        ([policy(STRICT, "istio-system")], STRICT),
        ([policy(STRICT, "istio-system"), policy(DISABLE)], DISABLE),
        ([policy(STRICT, "istio-system"), policy(UNSET)], STRICT),
        ([policy(UNSET, "istio-system")], PERMISSIVE),
        ([policy(STRICT), policy(DISABLE)], STRICT),
        ([policy(STRICT), policy(DISABLE, selector=REVIEWS)], DISABLE),
        ([policy(STRICT), policy(DISABLE, selector=Labels({"app": "other"}))], STRICT),
        ([policy(STRICT), policy(UNSET, selector=REVIEWS), policy(DISABLE, selector=REVIEWS)], STRICT),
        ([policy(STRICT, "istio-system", REVIEWS)], PERMISSIVE),
        ([policy(STRICT, "elsewhere")], PERMISSIVE),
    ],
)
def test_the_nearest_and_oldest_policy_holds(policies: list[PeerAuthentication], mode: MutualTLSMode) -> None:
    assert peer_policies(with_policies(*policies).peer_authentications, "istio-system").modes(
        "default", REVIEWS
    ) == PeerModes(mode)


def test_ports_differ_from_the_rest_of_their_workload() -> None:
    mesh = with_policies(policy(STRICT), policy(UNSET, selector=REVIEWS, p1=DISABLE, p2=UNSET, p3=STRICT))
    modes = peer_policies(mesh.peer_authentications, "istio-system").modes("default", REVIEWS)
    assert modes == PeerModes(STRICT, ((1, DISABLE),))
    assert [modes.at(port) for port in (1, 2, 3)] == [DISABLE, STRICT, STRICT]


def test_ports_alone_can_turn_it_off() -> None:
    def may_disable(*policies: PeerAuthentication) -> bool:
        return peer_policies(with_policies(*policies).peer_authentications, "istio-system").may_disable

    assert not may_disable(policy(STRICT), policy(PERMISSIVE, "istio-system"))
    assert may_disable(policy(STRICT, selector=REVIEWS, p1=DISABLE))
    assert may_disable(policy(DISABLE, "istio-system"))


def modes_of(mesh: Mesh, proxy: Proxy, memo: Memo) -> PeerModes | None:
    return view_of(mesh, view_key(mesh, proxy, memo), memo).mtls


def test_a_policy_is_for_proxies_with_an_identity() -> None:
    mesh, memo = with_policies(policy(STRICT)), Memo()
    assert modes_of(mesh, PROVEN, memo) == PeerModes(STRICT)
    assert modes_of(mesh, replace(PROVEN, identity=None), memo) is None
    assert modes_of(mesh, replace(PROVEN, proxyless=True), memo) is None
    assert modes_of(mesh, replace(kit.GATEWAY, identity=PROVEN.identity), memo) is None


def test_policies_of_others_leave_a_proxy_the_same_modes() -> None:
    memo = Memo()
    before = modes_of(with_policies(policy(STRICT)), PROVEN, memo)
    after = modes_of(with_policies(policy(STRICT), policy(DISABLE, "elsewhere")), PROVEN, memo)
    assert before is after


def test_all_identities_share_what_their_proxies_share() -> None:
    mesh, memo = with_policies(), Memo()
    other = replace(PROVEN, identity=SpiffeId.of_workload("cluster.local", "default", "other"))
    assert view_key(mesh, PROVEN, memo) == view_key(mesh, other, memo)
    assert view_key(mesh, PROVEN, memo) != view_key(mesh, replace(PROVEN, identity=None), memo)
