"""The shop's issuer of tokens: whoever asks is given one, as it is all for show. Its key is made when it starts.

``GET /token`` answers with a token, ``GET /jwks.json`` with the key set by which it is checked.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Final

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key

ISSUER: Final = "https://bookinfo.example"
AUDIENCE: Final = "bookinfo"
LIFETIME_SECONDS: Final = 3600
_KEY_ID: Final = "bookinfo"


def build(key: EllipticCurvePrivateKey) -> web.Application:
    """The application, with the key that signs."""

    async def token(_: web.Request) -> web.Response:
        return web.Response(text=f"{signed(key, int(time.time()))}\n")

    async def keys(_: web.Request) -> web.Response:
        return web.json_response(key_set(key))

    app = web.Application()
    app.router.add_get("/token", token)
    app.router.add_get("/jwks.json", keys)
    return app


def signed(key: EllipticCurvePrivateKey, now: int) -> str:
    """A token of a member. now: seconds since 1970."""
    claims = {"iss": ISSUER, "sub": "member", "aud": AUDIENCE, "iat": now, "exp": now + LIFETIME_SECONDS}
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": _KEY_ID})


def key_set(key: EllipticCurvePrivateKey) -> dict[str, list[dict[str, object]]]:
    """The public half (RFC 7517)."""
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    return {"keys": [{**public, "kid": _KEY_ID, "alg": "ES256", "use": "sig"}]}


def main() -> None:
    """Serves until it is told to stop."""
    parser = argparse.ArgumentParser(prog="python -m examples.bookinfo.issuer", description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:8081", metavar="HOST:PORT")
    host, _, port = parser.parse_args().listen.rpartition(":")
    web.run_app(build(generate_private_key(SECP256R1())), host=host, port=int(port), print=None)


if __name__ == "__main__":
    main()
