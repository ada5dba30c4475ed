"""Which tokens are valid, where they are looked for, and what becomes of them."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Mapping
from functools import partial

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from e2e.jwt.issuer import Issuer, new_key
from e2e.jwt.world import JwtWorld, policy
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="session")

ISSUER = Issuer("https://issuer.example.com")
OTHER = Issuer("https://other.example.com")
RULE = {"issuer": ISSUER.name, "audiences": ["shop"], "jwks": ISSUER.jwks}


def _signed_by(key: object) -> str:
    claims = {"iss": ISSUER.name, "sub": "ann", "aud": "shop", "exp": int(time.time()) + 600}
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": ISSUER.kid})  # type: ignore[arg-type]  # a key


def _with_algorithm(algorithm: str) -> str:
    """What is to be signed of a token, as if it were by this algorithm."""
    head, payload, _ = ISSUER.token().split(".")
    fields = json.loads(_decoded(head))
    return f"{_encoded(json.dumps({**fields, 'alg': algorithm}).encode())}.{payload}"


def _symmetric() -> str:
    """Signed with the public key as if it were a secret."""
    signed = _with_algorithm("HS256")
    secret = ISSUER.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return f"{signed}.{_encoded(hmac.digest(secret, signed.encode(), 'sha256'))}"


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def refused() -> Mapping[str, str]:
    """Tokens that no rule finds valid. Envoy allows clocks to differ by a minute."""
    now = int(time.time())
    return {
        "expired": ISSUER.token(exp=now - 120),
        "not valid yet": ISSUER.token(nbf=now + 300),
        "for another audience": ISSUER.token(aud="other"),
        "for no audience": ISSUER.token(aud=None),
        "of another issuer": ISSUER.token(iss="https://nobody.example.com"),
        "signed by another": _signed_by(new_key()),
        "signed with an unknown key": ISSUER.token(header={"kid": "unknown"}),
        "unsigned": f"{_with_algorithm('none')}.",
        "signed with the public key": _symmetric(),
        "with other claims": ".".join((*ISSUER.token(sub="root").split(".")[:2], ISSUER.token().split(".")[2])),
        "no token": "a.b.c",
    }


@proves("RequestAuthentication", "spec.jwtRules.issuer", "spec.jwtRules.audiences", "spec.jwtRules.jwks")
async def test_which_tokens_are_valid(world: JwtWorld) -> None:
    world.rules(RULE)
    world.rules(RULE, app="gateway", name="at-gateway")
    tokens = {**refused(), "valid": ISSUER.token(), "none": ""}
    passes = {"valid": 200, "none": 200}
    expected = {name: passes.get(name, 403 if "audience" in name else 401) for name in tokens}

    async def found(place: str) -> Mapping[str, int]:
        return {name: await world.status(token, place) for name, token in tokens.items()}

    for place in world.places:
        await world.until(partial(found, place), expected)


@proves(
    "RequestAuthentication",
    "spec.selector.matchLabels",
    "spec.jwtRules.fromHeaders.name",
    "spec.jwtRules.fromHeaders.prefix",
    "spec.jwtRules.fromParams",
    "spec.jwtRules.fromCookies",
)
async def test_where_tokens_are(world: JwtWorld) -> None:
    other = {"issuer": OTHER.name, "jwks": OTHER.jwks, "fromParams": ["tok"], "fromCookies": ["session"]}
    world.rules({**RULE, "fromHeaders": [{"name": "X-Token", "prefix": "Token "}]}, other)
    world.rules(RULE, app="nobody", name="elsewhere")

    async def found() -> Mapping[str, list[int]]:
        """What a valid token is answered in each place, and an expired one."""
        ones, others = ((issuer.token(), issuer.token(exp=1)) for issuer in (ISSUER, OTHER))
        return {
            "header": [(await world.ask(headers={"x-token": f"Token {each}"})).status for each in ones],
            "default": [await world.status(each) for each in ones],
            "parameter": [(await world.ask(path=f"/?tok={each}")).status for each in others],
            "cookie": [(await world.ask(headers={"cookie": f"a=b; session={each}"})).status for each in others],
        }

    looked_at = [200, 401]
    expected = {"header": looked_at, "parameter": looked_at, "cookie": looked_at, "default": [200, 200]}
    await world.until(found, expected)


async def test_two_issuers_in_one_place(world: JwtWorld) -> None:
    world.rules(RULE, {"issuer": OTHER.name, "jwks": OTHER.jwks})
    in_the_name_of_the_other = OTHER.token(iss=ISSUER.name)

    async def found() -> list[int]:
        return [await world.status(each) for each in (ISSUER.token(), OTHER.token(), "", in_the_name_of_the_other)]

    await world.until(found, [200, 200, 200, 401])


async def test_policies_of_mesh_namespace_and_workload_add_up(world: JwtWorld) -> None:
    third = Issuer("https://third.example.com")
    spec = {"jwtRules": [{"issuer": third.name, "jwks": third.jwks}]}
    whole = {**policy(name="mesh"), "metadata": {"name": "mesh", "namespace": "istio-system"}, "spec": spec}
    world.rules(RULE)
    world.rules(RULE, app="gateway", name="at-gateway")

    async def found(place: str) -> list[int]:
        return [await world.status(each, place) for each in (ISSUER.token(), third.token(), third.token(exp=1))]

    for place in ("plain text", "gateway"):
        await world.until(partial(found, place), [200, 401, 401])
    world.mesh.write("mesh-rules", whole)
    for place in ("plain text", "gateway"):
        await world.until(partial(found, place), [200, 200, 401])


@proves(
    "RequestAuthentication",
    "spec.jwtRules.forwardOriginalToken",
    "spec.jwtRules.outputPayloadToHeader",
    "spec.jwtRules.outputClaimToHeaders.header",
    "spec.jwtRules.outputClaimToHeaders.claim",
)
async def test_what_the_workload_gets_of_a_token(world: JwtWorld) -> None:
    claims = [("x-sub", "sub"), ("x-realm", "realm.name"), ("x-level", "level"), ("x-admin", "admin"), ("x-none", "no")]
    told = {
        **RULE,
        "outputPayloadToHeader": "x-payload",
        "outputClaimToHeaders": [{"header": header, "claim": claim} for header, claim in claims],
    }
    token = ISSUER.token(realm={"name": "green"}, level=3, admin=True)
    world.rules(told)

    async def subject() -> str:
        return (await world.ask(token)).headers.get("x-sub", "")

    await world.until(subject, "ann")
    received = (await world.ask(token)).headers
    assert [received.get(header) for header, _ in claims] == ["ann", "green", "3", "true", None]
    assert json.loads(_decoded(received["x-payload"]))["sub"] == "ann"
    assert "authorization" not in received
    world.rules({**told, "forwardOriginalToken": True})

    async def forwarded() -> str:
        return (await world.ask(token)).headers.get("authorization", "")

    await world.until(forwarded, f"Bearer {token}")


async def test_nobody_writes_claims_but_the_proxy(world: JwtWorld) -> None:
    claims = {"outputPayloadToHeader": "x-payload", "outputClaimToHeaders": [{"header": "x-sub", "claim": "sub"}]}
    world.rules(RULE, {"issuer": OTHER.name, "jwks": OTHER.jwks, **claims})
    forged = {"x-sub": "root", "x-payload": "forged"}

    async def subject() -> str:
        return (await world.ask(OTHER.token(), forged)).headers.get("x-sub", "")

    await world.until(subject, "ann")
    for token in ("", ISSUER.token()):
        received = (await world.ask(token, forged)).headers
        assert not received.keys() & forged.keys()
    preflight = {"origin": "https://example.com", "access-control-request-method": "GET", **forged}
    assert not (await world.ask("", preflight)).headers.keys() & forged.keys()
