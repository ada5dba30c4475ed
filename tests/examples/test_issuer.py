"""The shop's issuer: what it signs can be checked with what it tells."""

from __future__ import annotations

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from examples.bookinfo.issuer import AUDIENCE, ISSUER, LIFETIME_SECONDS, key_set, signed

NOW = 1_700_000_000


def test_a_token_is_checked_with_the_key_set() -> None:
    key = generate_private_key(SECP256R1())
    (found,) = jwt.PyJWKSet.from_dict(key_set(key)).keys

    claims = jwt.decode(
        signed(key, NOW), found, ["ES256"], audience=AUDIENCE, issuer=ISSUER, options={"verify_exp": False}
    )

    assert claims["exp"] - claims["iat"] == LIFETIME_SECONDS
    assert "d" not in key_set(key)["keys"][0], "the private half"


def test_a_token_of_another_key_is_not_good() -> None:
    (found,) = jwt.PyJWKSet.from_dict(key_set(generate_private_key(SECP256R1()))).keys

    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(signed(generate_private_key(SECP256R1()), NOW), found, ["ES256"], audience=AUDIENCE)
