"""What the names of policies stand for."""

from __future__ import annotations

import pytest

from xds.app.explain.rules import renamed, rule_of
from xds.model.objects import ObjectKey
from xds.resources import Source


@pytest.mark.parametrize("prefix", ["", "istio-ext-authz-", "istio-ext-authz-my-provider-"])
def test_a_name_stands_for_a_rule(prefix: str) -> None:
    name = f"{prefix}ns[shop]-policy[no-writes]-rule[12]"
    key = ObjectKey("AuthorizationPolicy", "shop", "no-writes")
    assert rule_of(name) == Source(key, ("spec", "rules", 12))
    assert renamed(f"RBAC: denied by DENY policy {name}") == "RBAC: denied by DENY policy no-writes.shop rule 12"


def test_another_name_stays() -> None:
    assert rule_of("mine") is None
    assert renamed("policies: mine, ns[a]-policy[b]-rule[0]") == "policies: mine, b.a rule 0"


def test_a_rule_that_refuses_as_nobody_can_be_asked() -> None:
    name = "istio-ext-authz-opa-ns[shop]-policy[admin]-rule[1]-deny-due-to-bad-CUSTOM-action"
    found = rule_of(name)
    assert found is not None
    assert (str(found.object), found.path) == ("AuthorizationPolicy/admin.shop", ("spec", "rules", 1))
    assert renamed(f"DENY policy {name} applies") == (
        "DENY policy admin.shop rule 1 (whose provider cannot be asked) applies"
    )
