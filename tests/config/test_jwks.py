"""Key sets: what a proxy can use goes on to it, and what it cannot costs nothing else."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from xds.config.jwks import MAX_KEYS, parse_jwks

Jwk = Mapping[str, object]

RSA: Jwk = json.loads(RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048)))
SHORT: Jwk = json.loads(RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 1024).public_key()))  # noqa: S505 - to be left out
EC: Jwk = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1())))
EC384: Jwk = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key()))
EC521: Jwk = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP521R1()).public_key()))
BITCOIN: Jwk = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256K1()).public_key()))
ED: Jwk = json.loads(OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate().public_key()))


def jwks(*keys: object) -> str:
    return json.dumps({"keys": keys})


def taken(*keys: object) -> list[Jwk]:
    """Those that a proxy is given."""
    found: list[Jwk] = json.loads(parse_jwks(jwks(*keys)).jwks)["keys"]
    return found


@pytest.mark.parametrize("key", [RSA, EC, EC384, EC521, ED])
def test_public_keys_go_on_and_nothing_private(key: Jwk) -> None:
    (found,) = taken({**key, "kid": "one", "x5c": ["AQAB"]})
    assert found["kid"] == "one"
    assert found.keys() <= {"kty", "kid", "alg", "crv", "n", "e", "x", "y"}
    assert all(key[name] == found[name] for name in found.keys() - {"kid"})


def test_the_same_keys_are_the_same_text() -> None:
    again = {name: EC[name] for name in reversed(list(EC))}
    assert parse_jwks(jwks(EC)).jwks == parse_jwks(f"\n{jwks(again)} ").jwks


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (SHORT, "it has 1024 bits"),
        (BITCOIN, "its curve 'secp256k1' is none of"),
        ({**EC, "y": EC["x"]}, "its point is not on P-256"),
        ({**EC, "y": None}, "its y is no string"),
        ({**EC, "x": "a*b"}, "its x is missing, or not base64url"),
        ({**EC, "x": "AAAAA"}, "its x is missing, or not base64url"),
        ({**EC384, "crv": "P-256"}, "its coordinates are larger than 32 bytes"),
        ({**EC, "alg": "ES384"}, "its algorithm 'ES384' is not ES256, that of P-256"),
        ({**EC, "kid": 5}, "its kid is no string"),
        ({**RSA, "e": "AQAC"}, "its numbers are not those of an RSA key"),
        ({**RSA, "alg": "HS256"}, "its algorithm 'HS256' is not for signatures with RSA"),
        ({**RSA, "n": ""}, "its n is missing, or not base64url"),
        ({**ED, "crv": "X25519"}, "its curve 'X25519' is not Ed25519"),
        ({**ED, "x": "AQAB"}, "its x has not 32 bytes"),
        ({"kty": "oct", "k": "AQAB"}, "it is symmetric: whoever checks tokens with it could make them"),
        ({"kty": "new"}, "unknown type (kty 'new')"),
        ({}, "unknown type (kty '')"),
        (None, "it is no object"),
        ("RSA", "it is no object"),
    ],
)
def test_what_is_of_no_use_costs_only_itself(key: object, reason: str) -> None:
    found = parse_jwks(jwks({**EC, "kid": "good"}, key))
    assert [each["kid"] for each in json.loads(found.jwks)["keys"]] == ["good"]
    (left_out,) = found.left_out
    assert reason in left_out
    with pytest.raises(ValueError, match="no key that can be used"):
        parse_jwks(jwks(key))


def test_keys_for_other_purposes_are_no_mistake() -> None:
    found = parse_jwks(jwks(EC, {**RSA, "use": "enc", "alg": "RSA-OAEP"}))
    assert found.left_out == ()
    assert len(json.loads(found.jwks)["keys"]) == 1


def test_what_is_left_out_is_named() -> None:
    found = parse_jwks(jwks(EC, {"kty": "oct", "kid": "shared"}, {"kty": "oct"}))
    assert [reason.partition(" is left out")[0] for reason in found.left_out] == ["key 'shared'", "keys[2]"]


def test_padding_is_taken_away() -> None:
    assert taken({**EC, "x": f"{EC['x']}="}) == taken(EC)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "no list of keys"),
        ("{}", "no list of keys"),
        ('{"keys": {}}', "no list of keys"),
        ('{"keys": []}', "no key that can be used"),
        (jwks(*[EC] * (MAX_KEYS + 1)), f"{MAX_KEYS} at most"),
    ],
)
def test_what_is_no_key_set(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_jwks(text)


_NAMES = ("kty", "crv", "n", "e", "x", "y", "kid", "alg", "use")
_VALUES = st.one_of(
    st.sampled_from(["RSA", "EC", "OKP", "oct", "P-256", "Ed25519", "ES256", "sig", "AQAB", *map(str, EC.values())]),
    st.text(max_size=12),
    st.binary(max_size=70).map(lambda content: urlsafe_b64encode(content).decode()),
    st.none() | st.booleans() | st.integers() | st.lists(st.integers(), max_size=2),
)


@given(st.lists(st.dictionaries(st.sampled_from(_NAMES), _VALUES) | _VALUES, max_size=4))
def test_any_keys_are_taken_or_left_out(keys: list[object]) -> None:
    found = parse_jwks(jwks(EC, *keys))
    usable = json.loads(found.jwks)["keys"]
    others = sum(isinstance(key, dict) and key.get("use", "sig") != "sig" for key in keys)
    assert len(usable) + len(found.left_out) + others == len(keys) + 1
    assert parse_jwks(found.jwks).jwks == found.jwks, "what is usable stays so"


@given(st.text() | st.recursive(st.none() | st.text(), lambda inner: st.dictionaries(st.text(), inner)).map(json.dumps))
def test_any_text_is_a_key_set_or_a_reason(text: str) -> None:
    with pytest.raises(ValueError, match="this"):
        parse_jwks(text)
