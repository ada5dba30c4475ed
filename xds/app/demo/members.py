"""Members of the shop: who has a token, and what it is checked with. The key is made for one run, and is in no file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ISSUER: Final = "https://bookinfo.example"
_AUDIENCE: Final = "bookinfo"
_KEY_ID: Final = "members"
_LIFE: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Token:
    """What proves a member. Its text is shown nowhere."""

    text: str

    def __repr__(self) -> str:
        return "Token()"

    @property
    def headers(self) -> dict[str, str]:
        """That carry it."""
        return {"authorization": f"Bearer {self.text}"}


@dataclass(frozen=True, slots=True)
class Members:
    """jwks: the public key, as a JSON Web Key Set. token: a good one. forged: the same by another key."""

    jwks: str
    token: Token
    forged: Token


def new_members() -> Members:
    """With a key that nothing else has had."""
    own, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    public = json.loads(ECAlgorithm.to_jwk(own.public_key()))
    keys = {"keys": [{**public, "kid": _KEY_ID, "alg": "ES256", "use": "sig"}]}
    return Members(json.dumps(keys), _signed(own), _signed(other))


def _signed(key: ec.EllipticCurvePrivateKey) -> Token:
    now = datetime.now(UTC)
    claims = {"iss": ISSUER, "sub": "member", "aud": _AUDIENCE, "iat": now, "exp": now + _LIFE}
    return Token(jwt.encode(claims, key, "ES256", headers={"kid": _KEY_ID}))
