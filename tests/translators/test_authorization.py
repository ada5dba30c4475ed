"""What a rule of an AuthorizationPolicy is to Envoy, for requests and for connections."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from envoy_data_plane.envoy.config.rbac.v3 import Permission, Policy, Principal, Rbac
from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher
from hypothesis import given
from hypothesis import strategies as st

from tests.translators import kit
from translators import DEFAULT
from translators.authorization import identities
from translators.authorization.identities import TrustDomains
from translators.authorization.rules import encoded_rules
from translators.filters import authorization
from xds.model.authorization import (
    Attribute,
    AuthorizationAction,
    AuthorizationPolicy,
    AuthorizationRule,
    Condition,
)
from xds.pipeline import Memo, Pipeline
from xds.pipeline.contribution import FilterPart, NetworkFilterPart
from xds.resources import LISTENER

MESH = TrustDomains("cluster.local")
ALLOW, DENY = AuthorizationAction.ALLOW, AuthorizationAction.DENY
PORT = Condition(Attribute.DESTINATION_PORT, ("80",))
METHOD = Condition(Attribute.METHOD, ("GET",))
ADDRESS = Condition(Attribute.SOURCE_IP, ("10.0.0.0/8",))
HEADER = Condition(Attribute.REQUEST_HEADER, ("a",), names=("x-a",))


def policy(
    *rules: AuthorizationRule, action: AuthorizationAction = ALLOW, dry_run: bool = False
) -> AuthorizationPolicy:
    return AuthorizationPolicy(kit.meta("AuthorizationPolicy", "p"), action, rules, dry_run=dry_run)


def made(of: AuthorizationPolicy, *, tcp: bool = False, domains: TrustDomains = MESH) -> dict[str, Policy]:
    return dict(Rbac.parse(encoded_rules(of, domains, tcp=tcp)).policies)


def one(rule: AuthorizationRule, action: AuthorizationAction = ALLOW, *, tcp: bool = False) -> Policy:
    (found,) = made(policy(rule, action=action), tcp=tcp).values()
    return found


def test_rules_are_named_so_that_a_denial_says_which_it_was() -> None:
    both = policy(AuthorizationRule(0), AuthorizationRule(1))
    assert list(made(both)) == ["ns[default]-policy[p]-rule[0]", "ns[default]-policy[p]-rule[1]"]


def test_an_empty_rule_is_for_everything_and_no_rule_for_nothing() -> None:
    everything = one(AuthorizationRule(0))
    assert (everything.permissions, everything.principals) == ([Permission(any=True)], [Principal(any=True)])
    (nothing,) = made(policy()).values()
    assert nothing.permissions == [Permission(not_rule=Permission(any=True))]
    assert nothing.principals == [Principal(not_id=Principal(any=True))]


def test_conditions_of_a_rule_join_each_of_its_alternatives() -> None:
    rule = AuthorizationRule(0, ((ADDRESS,), (HEADER,)), ((METHOD,), (PORT,)), (PORT, ADDRESS))
    found = one(rule)
    assert [each.and_rules is not None and len(each.and_rules.rules) for each in found.permissions] == [2, 2]
    assert [each.and_ids is not None and len(each.and_ids.ids) for each in found.principals] == [2, 2]


def test_values_are_alternatives_and_what_is_excluded_is_excluded_together() -> None:
    found = one(AuthorizationRule(0, operations=((Condition(Attribute.METHOD, ("GET", "PUT"), ("PUT", "POST")),),)))
    (both,) = found.permissions
    assert both.and_rules is not None
    wanted, excluded = both.and_rules.rules
    assert wanted.or_rules is not None
    assert excluded.not_rule is not None
    assert excluded.not_rule.or_rules is not None
    assert [len(each.rules) for each in (wanted.or_rules, excluded.not_rule.or_rules)] == [2, 2]


def test_of_connections_what_allows_by_requests_is_left_out() -> None:
    by_request = AuthorizationRule(0, operations=((PORT,), (METHOD,)))
    by_port = AuthorizationRule(1, operations=((PORT,),))
    assert list(made(policy(by_request, by_port), tcp=True)) == ["ns[default]-policy[p]-rule[1]"]


@pytest.mark.parametrize("action", [each for each in AuthorizationAction if each is not ALLOW])
def test_of_connections_what_denies_by_requests_is_widened(action: AuthorizationAction) -> None:
    rule = AuthorizationRule(0, ((ADDRESS, HEADER), (HEADER,)), ((PORT, METHOD), (METHOD,)), (HEADER,))
    without = AuthorizationRule(0, ((ADDRESS,), ()), ((PORT,), ()))
    assert one(rule, action, tcp=True) == one(without, action, tcp=True)


def test_rules_that_ask_for_nothing_of_requests_are_the_same_for_both() -> None:
    rule = AuthorizationRule(0, ((ADDRESS,),), ((PORT,),))
    assert one(rule, tcp=True) == one(rule)


@pytest.mark.parametrize(
    ("principal", "expanded"),
    [
        ("new/ns/a/sa/b", ["new/ns/a/sa/b", "old/ns/a/sa/b"]),
        ("old/ns/a/sa/b", ["new/ns/a/sa/b", "old/ns/a/sa/b"]),
        ("cluster.local/ns/a/sa/b", ["new/ns/a/sa/b", "old/ns/a/sa/b"]),
        ("cluster.local/ns/a/sa/*", ["new/ns/a/sa/*", "old/ns/a/sa/*"]),
        ("stranger/ns/a/sa/b", ["stranger/ns/a/sa/b"]),
        ("*/ns/a/sa/b", ["*/ns/a/sa/b"]),
        ("*ew/ns/a/sa/b", ["*ew/ns/a/sa/b", "old/ns/a/sa/b"]),
        ("new/ns/a/*", ["new/ns/a/*"]),
        ("*", ["*"]),
    ],
)
def test_a_principal_of_one_trust_domain_is_one_of_its_aliases_too(principal: str, expanded: list[str]) -> None:
    assert list(TrustDomains("new", ("old", "new")).expanded(principal)) == expanded


def test_aliases_are_for_principals_that_are_excluded_as_well() -> None:
    rule = AuthorizationRule(0, ((Condition(Attribute.SOURCE_PRINCIPAL, (), ("new/ns/a/sa/b",)),),))
    (found,) = made(policy(rule), domains=TrustDomains("new", ("old",))).values()
    assert found == one(
        AuthorizationRule(0, ((Condition(Attribute.SOURCE_PRINCIPAL, (), ("new/ns/a/sa/b", "old/ns/a/sa/b")),),))
    )


def matches(matcher: StringMatcher, text: str) -> bool:
    """What Envoy makes of a matcher."""
    if matcher.safe_regex is not None:
        return re.fullmatch(matcher.safe_regex.regex, text) is not None
    if matcher.prefix:
        return text.startswith(matcher.prefix)
    return text.endswith(matcher.suffix) if matcher.suffix else text == matcher.exact


ID = "spiffe://cluster.local/ns/team-a/sa/web"


@pytest.mark.parametrize(
    ("matcher", "met"),
    [
        (identities.principal("cluster.local/ns/team-a/sa/web"), True),
        (identities.principal("cluster.local/ns/team-a/sa/we"), False),
        (identities.principal("cluster.local/ns/team-a/*"), True),
        (identities.principal("*/sa/web"), True),
        (identities.principal("*/sa/we"), False),
        (identities.principal("*"), True),
        (identities.namespace("team-a"), True),
        (identities.namespace("team"), False),
        (identities.namespace("team-*"), True),
        (identities.namespace("*-a"), True),
        (identities.namespace("t*-*a"), True),
        (identities.namespace("*"), True),
        (identities.namespace("team.a"), False),
        (identities.service_account("team-a/web"), True),
        (identities.service_account("team-a/we"), False),
        (identities.service_account("a/web"), False),
        (identities.trust_domain("cluster.local"), True),
        (identities.trust_domain("cluster.loca"), False),
        (identities.trust_domain("cluster-local"), False),
        (identities.trust_domain("*.local"), True),
        (identities.trust_domain("*web"), False),
        (identities.trust_domain("clus*"), True),
        (identities.trust_domain("*"), True),
    ],
)
def test_who_an_identity_is(matcher: StringMatcher, met: bool) -> None:
    assert matches(matcher, ID) is met
    assert not matches(matcher, "")


SEGMENT = st.text("ab-.", min_size=1, max_size=5)


@given(SEGMENT, SEGMENT, SEGMENT, SEGMENT)
def test_a_namespace_is_that_of_the_identity_and_nothing_that_looks_like_one(
    domain: str, namespace: str, account: str, other: str
) -> None:
    found = identities.namespace(namespace)
    assert matches(found, f"spiffe://{domain}/ns/{namespace}/sa/{account}")
    assert matches(found, f"spiffe://{domain}/ns/{other}/sa/{account}") is (other == namespace)
    assert matches(identities.service_account(f"{other}/{account}"), ID) is ((other, account) == ("team-a", "web"))


def test_a_namespace_cannot_be_hidden_in_another_part_of_an_identity() -> None:
    assert not matches(identities.namespace("team-a"), "spiffe://partner.example/x/ns/team-a/sa/web")
    assert not matches(identities.service_account("team-a/web"), "spiffe://partner.example/ns/x/ns/team-a/sa/web")


@pytest.mark.parametrize(
    ("value", "issuer", "subject", "met"),
    [
        ("https://a.example/ann", "https://a.example", "ann", True),
        ("https://a.example/ann", "https://a.example", "bob", False),
        ("https://a.example/b/ann", "https://a.example", "b/ann", False),
        ("https://a.example/b/ann", "https://a.example/b", "ann", True),
        ("https://a.example/*", "https://a.example", "ann", True),
        ("https://a.example/*", "https://a.example.evil", "ann", False),
        ("https://a.example/a*", "https://a.example", "ann", True),
        ("https://a*", "https://a.example", "ann", True),
        ("*/ann", "https://a.example", "ann", True),
        ("*/ann", "https://a.example", "joann", False),
        ("*.example/ann", "https://a.example", "ann", True),
        ("*nn", "https://a.example", "ann", True),
        ("*", "https://a.example", "ann", True),
        ("*", "https://a.example", "", False),
        ("ann", "ann", "ann", True),
    ],
)
def test_a_request_principal_is_an_issuer_and_a_subject(value: str, issuer: str, subject: str, met: bool) -> None:
    of_issuer, of_subject = identities.request_principal(value)
    assert (matches(of_issuer, issuer) and matches(of_subject, subject)) is met


def filters(*policies: AuthorizationPolicy) -> tuple[FilterPart, ...]:
    view = replace(kit.view(kit.mesh([kit.service("reviews")])), authorization=policies)
    found = tuple(authorization.translate(view, Memo()))
    assert all(isinstance(each, FilterPart) for each in found)
    return tuple(each for each in found if isinstance(each, FilterPart))


def test_without_policies_there_is_nothing() -> None:
    assert filters() == ()


def test_there_is_one_filter_for_an_action_and_side_however_many_policies() -> None:
    actions = (ALLOW, DENY, AuthorizationAction.AUDIT, ALLOW, DENY)
    found = filters(*(policy(AuthorizationRule(0), action=action) for action in actions))
    assert [isinstance(each, NetworkFilterPart) for each in found] == [False, True] * 3


def test_one_changed_policy_costs_itself() -> None:
    memo = Memo()
    policies = tuple(policy(AuthorizationRule(number)) for number in range(100))
    view = replace(kit.view(kit.mesh([kit.service("reviews")])), authorization=policies)
    before = len(memo)
    tuple(authorization.translate(view, memo))
    cold = len(memo) - before
    changed = replace(view, authorization=(*policies[1:], policy(AuthorizationRule(100))))
    tuple(authorization.translate(changed, memo))
    assert len(memo) - before - cold <= 100 / 32 + 3


def test_a_listener_names_the_policies_in_it_so_that_a_rejection_leads_to_them() -> None:
    mesh = kit.mesh([kit.service("reviews")])
    own = policy(AuthorizationRule(0))
    with_policy = replace(mesh, authorization_policies={"default": (own,)})
    listeners = Pipeline(DEFAULT).compile(with_policy, kit.SIDECAR).snapshot[LISTENER]
    assert {each.name for each in listeners if own.meta.key in each.origins} == {"virtualInbound"}
