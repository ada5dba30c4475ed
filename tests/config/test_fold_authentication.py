"""What is known of keys: which are wanted, and what there is to say where they cannot be had."""

from __future__ import annotations

from dataclasses import replace

from xds.config.fetched import NOTHING_FETCHED
from xds.config.fold_authentication import Authentications
from xds.model.diagnostic import Severity
from xds.model.objects import ObjectKey, ObjectMeta, Origin, Place
from xds.model.request_authentication import (
    JwtRule,
    KeySet,
    KeySets,
    KeysFailure,
    KeysReference,
    RequestAuthentication,
)

META = ObjectMeta(ObjectKey("RequestAuthentication", "shop", "tokens"), Origin("mesh.yaml", 1))
PLACE = Place(Origin("mesh.yaml", 7), "spec.jwtRules[0]")
AWAY = KeysReference("https://away.example.com")
POLICY = RequestAuthentication(
    META,
    (JwtRule(AWAY.issuer, AWAY, PLACE), JwtRule("https://written.example.com", KeySet("{}"), PLACE)),
)
NONE = NOTHING_FETCHED.key_sets


def known(keys: KeySet | KeysFailure) -> Authentications:
    return Authentications().update([(None, POLICY)], {AWAY: keys})


def test_only_what_is_not_written_is_wanted() -> None:
    made = Authentications().update([(None, POLICY)], NONE)
    assert made.wanted == {AWAY}
    assert made.by_namespace == {"shop": (POLICY,)}
    assert made.findings == (), "nobody has been asked yet"
    gone = made.update([(POLICY, None)], NONE)
    assert (gone.wanted, gone.by_namespace) == (frozenset(), {})


def test_nothing_new_is_the_same_object() -> None:
    made = Authentications().update([(None, POLICY)], NONE)
    assert made.update([], NONE) is made
    key_sets: KeySets = {AWAY: KeySet("{}")}
    assert made.update([], key_sets).by_namespace is made.by_namespace


def test_keys_that_cannot_be_had_are_an_error_at_their_rule() -> None:
    (finding,) = known(KeysFailure("nobody answers")).findings
    assert (finding.severity, finding.code) == (Severity.ERROR, "keys-unavailable")
    assert (finding.origin, finding.path, finding.object) == (*PLACE, META.key)
    assert finding.reason == "nobody answers; until its keys can be had, no token of https://away.example.com is valid"


def test_an_issuer_whom_nobody_can_ask_is_an_error_at_once() -> None:
    nobody = KeysReference("accounts@example.com")
    policy = replace(POLICY, rules=(JwtRule(nobody.issuer, nobody, PLACE),))
    made = Authentications().update([(None, policy)], NONE)
    assert made.wanted == frozenset()
    (finding,) = made.findings
    assert (finding.severity, finding.code) == (Severity.ERROR, "keys-unavailable")
    assert "say jwks or jwksUri" in finding.reason


def test_keys_that_stay_because_there_are_no_newer_ones_are_a_warning() -> None:
    (finding,) = known(KeySet("{}", remark="nobody answers")).findings
    assert (finding.severity, finding.code) == (Severity.WARNING, "keys-unavailable")
    assert "the keys that were there before stay in force" in finding.reason


def test_what_is_left_out_of_a_fetched_set_is_a_warning() -> None:
    found = known(KeySet("{}", left_out=("key 'a' is left out", "keys[1] is left out"))).findings
    assert [(each.code, each.reason) for each in found] == [
        ("unusable-key", "key 'a' is left out"),
        ("unusable-key", "keys[1] is left out"),
    ]


def test_findings_are_those_of_the_rules_that_there_are() -> None:
    other = replace(POLICY, rules=POLICY.rules[1:])
    assert known(KeysFailure("no")).update([(POLICY, other)], {AWAY: KeysFailure("no")}).findings == ()
