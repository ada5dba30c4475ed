"""References, and key sets of our own."""

from __future__ import annotations

import json
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from xds.model.request_authentication import KeysReference


def new_jwks() -> bytes:
    """A set with one key."""
    key = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key())
    return json.dumps({"keys": [json.loads(key)]}).encode()


ONE = new_jwks()
OTHER = new_jwks()
NO_USE = b'{"keys": [{"kty": "oct", "k": "AQAB"}]}'


def reference(url: str = "", issuer: str = "https://issuer.example.com", seconds: float = 5.0) -> KeysReference:
    return KeysReference(issuer, url, timedelta(seconds=seconds))
