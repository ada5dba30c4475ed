"""Tokens of service accounts: whose they are, and every way in which one is not believed."""

from __future__ import annotations

import base64
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.ca.kit import NOW, REVIEWS, TRUST_DOMAIN
from xds.ca.errors import CertificateError
from xds.ca.service_accounts import MAX_TOKEN, Issuer, UnknownKeyError, issuer_of, verify
from xds.model.identity import SpiffeId

NAME = "https://kubernetes.default.svc"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())
SUBJECT = "system:serviceaccount:default:reviews"


def jwks(**keys: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    """The public halves, by key id."""
    found = []
    for kid, key in keys.items():
        public = key.public_key()
        text = RSAAlgorithm.to_jwk(public) if isinstance(public, rsa.RSAPublicKey) else ECAlgorithm.to_jwk(public)
        algorithm = "RS256" if isinstance(public, rsa.RSAPublicKey) else "ES256"
        found.append({**json.loads(text), "kid": kid, "alg": algorithm, "use": "sig"})
    return json.dumps({"keys": found})


ISSUER = Issuer(NAME, jwt.PyJWKSet.from_json(jwks(rsa=RSA, ec=EC)))


def token(kid: str = "ec", key: object = EC, algorithm: str = "ES256", **changes: object) -> str:
    seconds = NOW.timestamp()
    claims = {"iss": NAME, "sub": SUBJECT, "aud": ["istio-ca"], "exp": seconds + 600, "nbf": seconds, "iat": seconds}
    whole = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return jwt.encode(whole, key, algorithm, headers={"kid": kid})  # type: ignore[arg-type]  # any key is meant


def whose(text: str) -> SpiffeId:
    return verify(text, ISSUER, ("istio-ca", TRUST_DOMAIN), TRUST_DOMAIN, NOW)


def test_a_token_proves_a_service_account() -> None:
    assert whose(token()) == REVIEWS
    assert whose(token("rsa", RSA, "RS256")) == REVIEWS
    assert whose(token(aud=TRUST_DOMAIN)) == REVIEWS
    assert issuer_of(token()) == NAME


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (token(aud=["bank"]), "(?i)audience"),
        (token(aud=None), "aud"),
        (token(iss="https://elsewhere"), "(?i)issuer"),
        (token(exp=None), "exp"),
        (token(exp=NOW.timestamp() - 60), "ended at"),
        (token(nbf=NOW.timestamp() + 60), "holds from"),
        (token(exp="soon"), "none|exp"),
        (token(sub="system:node:a"), "not for a service account"),
        (token(sub="system:serviceaccount:a/b:c"), "cannot be part of a path"),
        (token(sub="system:serviceaccount::c"), "not for a service account"),
        (token(key=OTHER), "(?i)signature"),
        (token("rsa", "secret" * 8, "HS256"), "not valid"),
    ],
)
def test_what_is_not_believed(text: str, reason: str) -> None:
    with pytest.raises(CertificateError, match=reason):
        whose(text)


def test_no_algorithm_is_not_believed() -> None:
    head = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": "ec"}).encode()).rstrip(b"=").decode()
    with pytest.raises(CertificateError):
        whose(f"{head}.{token().split('.')[1]}.")


def test_a_key_that_is_new_is_worth_asking_for() -> None:
    with pytest.raises(UnknownKeyError):
        whose(token("new", OTHER))
    with pytest.raises(UnknownKeyError):
        verify(token(), Issuer(NAME), ("istio-ca",), TRUST_DOMAIN, NOW)


@pytest.mark.parametrize("text", ["", "a.b.c", "x" * (MAX_TOKEN + 1), token(iss=None)])
def test_tokens_that_name_no_issuer(text: str) -> None:
    assert issuer_of(text) == ""


@given(st.text(max_size=40), st.integers(0, 2))
def test_a_damaged_token_is_refused_and_nothing_else(noise: str, part: int) -> None:
    parts = token().split(".")
    parts[part] = noise
    with pytest.raises(CertificateError):
        whose(".".join(parts))
    assert isinstance(issuer_of(".".join(parts)), str)
