"""Tokens of one issuer, whom all workloads believe."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from e2e.authorization_matrix.described import ISSUER, Claims

_KEY_ID = "matrix"
_HOUR = 3600


@dataclass(frozen=True)
class Issuer:
    """With a key of its own."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()), repr=False)

    def rule(self) -> dict[str, object]:
        """For a RequestAuthentication."""
        key = jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"issuer": ISSUER, "jwks": json.dumps({"keys": [{**key, "kid": _KEY_ID, "alg": "ES256", "use": "sig"}]})}

    def token(self, claims: Claims) -> str:
        """One that holds for an hour."""
        return jwt.encode({**claims, "exp": int(time.time()) + _HOUR}, self.key, "ES256", {"kid": _KEY_ID})
