"""An issuer of tokens, whose keys a server of its own has: one that can be away, and can replace its keys."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec

PORT = 8080


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def jwk(key: ec.EllipticCurvePrivateKey, kid: str) -> Mapping[str, object]:
    """The public half, as a member of a key set."""
    return {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())), "kid": kid}


@dataclass
class Issuer:
    """Signs tokens for the audience ``shop``, or with other claims. address: where its server is, once it runs."""

    name: str
    address: str = ""
    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    kid: str = "first"
    asked: list[str] = field(default_factory=list)
    _runner: web.AppRunner | None = None

    @property
    def jwks(self) -> str:
        """The key set, with one key among others that a proxy cannot use."""
        others = [{"kty": "EC", "crv": "secp256k1", "x": "AQAB", "y": "AQAB"}, {"kty": "oct", "k": "AQAB"}]
        return json.dumps({"keys": [*others, jwk(self.key, self.kid)]})

    @property
    def keys_url(self) -> str:
        return f"http://{self.address}:{PORT}/keys"

    def token(self, header: Mapping[str, object] | None = None, **claims: object) -> str:
        """A valid token but for what is said otherwise; None takes a claim out."""
        now = int(time.time())
        whole = {"iss": self.name, "sub": "ann", "aud": "shop", "exp": now + 600, **claims}
        kept = {name: value for name, value in whole.items() if value is not None}
        return jwt.encode(kept, self.key, algorithm="ES256", headers={"kid": self.kid, **(header or {})})

    def rotate(self) -> None:
        """Another key, under another name."""
        self.key, self.kid = new_key(), f"{self.kid}-next"

    async def open(self) -> None:
        """Its server answers from now on."""
        application = web.Application()
        application.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.address, PORT).start()

    async def close(self) -> None:
        """Nobody answers any more."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if request.path == "/.well-known/openid-configuration":
            return web.json_response({"issuer": self.name, "jwks_uri": self.keys_url})
        return web.Response(text=self.jwks)
