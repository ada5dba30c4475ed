"""RequestAuthentication: what makes a token valid."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.config.kinds.istio import accepted, refused, warned
from tests.config.test_jwks import EC, jwks
from xds.config.kinds.request_authentication import KIND
from xds.model.request_authentication import ClaimToHeader, JwtHeader, JwtRule, KeySet, KeysReference

ISSUER = "https://issuer.example.com"


def rule(text: str = "") -> str:
    return f"jwtRules:\n- issuer: {ISSUER}\n" + "".join(f"  {line}\n" for line in text.splitlines())


def only(text: str) -> JwtRule:
    (found,) = accepted(KIND, rule(text)).rules
    return found


def test_where_keys_are() -> None:
    assert only("").keys == KeysReference(ISSUER)
    at_url = KeysReference(ISSUER, "http://a/keys", timedelta(seconds=2))
    assert only("jwksUri: http://a/keys\ntimeout: 2s").keys == at_url
    assert only("jwks_uri: https://a/keys").keys == KeysReference(ISSUER, "https://a/keys")
    written = only(f"jwks: '{jwks(EC)}'").keys
    assert isinstance(written, KeySet)
    assert json.loads(written.jwks)["keys"][0]["x"] == EC["x"]


def test_all_that_is_said_of_a_token() -> None:
    found = only(
        """\
        audiences: [a, b]
        fromHeaders: [{name: X-Token, prefix: "Token "}, {name: y}]
        fromParams: [token]
        fromCookies: [session]
        forwardOriginalToken: true
        outputPayloadToHeader: X-Payload
        outputClaimToHeaders: [{header: X-Sub, claim: sub}]
        spaceDelimitedClaims: [groups, groups]
        """.replace("        ", "")
    )
    assert found.audiences == ("a", "b")
    assert found.from_headers == (JwtHeader("x-token", "Token "), JwtHeader("y"))
    assert (found.from_params, found.from_cookies, found.forward) == (("token",), ("session",), True)
    assert (found.payload_header, found.claim_headers) == ("x-payload", (ClaimToHeader("x-sub", "sub"),))
    assert found.space_delimited == ("groups",)
    assert found.place.path == "spec.jwtRules[0]"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("jwks: '{}'", "jwks"),
        ("jwks: no", "jwks"),
        ("jwksUri: 'https://:80'", "jwksUri"),
        ("jwksUri: 'https://a:0/'", "jwksUri"),
        ("jwksUri: 'https://a:99999/'", "jwksUri"),
        ("jwksUri: 'https://a b/'", "jwksUri"),
        ("fromHeaders: [{name: 'a b'}]", "fromHeaders[0].name"),
        ('fromHeaders: [{name: a, prefix: "a\\nb"}]', "fromHeaders[0].prefix"),
        ("outputPayloadToHeader: ':path'", "outputPayloadToHeader"),
        ("outputClaimToHeaders: [{header: a, claim: b}, {header: A, claim: c}]", "outputClaimToHeaders[1].header"),
    ],
)
def test_mistakes_are_found_where_they_are(text: str, path: str) -> None:
    assert {where for _, where in refused(KIND, rule(text))} == {f"spec.jwtRules[0].{path}"}


def test_a_rule_is_for_an_issuer() -> None:
    assert refused(KIND, "jwtRules:\n- jwksUri: https://a/") == [(2, "spec.jwtRules[0].issuer")]


def test_keys_of_no_use_are_told_and_left_out() -> None:
    policy, found = warned(KIND, rule(f"jwks: '{jwks(EC, {'kty': 'oct'})}'"))
    assert [(path, code) for _, path, code in found] == [("spec.jwtRules[0].jwks", "unusable-key")]
    assert isinstance(policy.rules[0].keys, KeySet)


def test_gateways_instead_of_workloads() -> None:
    gateway = "group: gateway.networking.k8s.io, kind: Gateway, name"
    assert accepted(KIND, "selector: {matchLabels: {a: b}}").gateways is None
    assert accepted(KIND, f"targetRef: {{{gateway}: one}}").gateways == ("one",)
    assert accepted(KIND, f"targetRefs: [{{{gateway}: one}}, {{{gateway}: two}}]").gateways == ("one", "two")
    policy, found = warned(KIND, "targetRefs: [{kind: Service, name: reviews}]")
    assert policy.gateways == ()
    assert [(path, code) for _, path, code in found] == [("spec.targetRefs[0].kind", "no-effect")]
