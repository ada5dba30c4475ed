"""What policies ask of verified tokens: principals, audiences and claims, at a sidecar and a gateway."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pytest

from e2e.jwt.issuer import Issuer
from e2e.jwt.world import JwtWorld
from e2e.mtls.world import document

pytestmark = pytest.mark.asyncio(loop_scope="session")

ISSUER = Issuer("https://issuer.example.com/realm")
OTHER = Issuer("https://other.example.com")


def allow(app: str, **rule: object) -> Mapping[str, object]:
    spec = {"selector": {"matchLabels": {"app": app}}, "action": "ALLOW", "rules": [rule]}
    return document("security.istio.io/v1", "AuthorizationPolicy", f"allow-{app}", spec)


RULES: Mapping[str, tuple[Mapping[str, object], Mapping[str, bool]]] = {
    "any principal": (
        {"from": [{"source": {"requestPrincipals": ["*"]}}]},
        {"ann": True, "bob": True, "other": True, "none": False},
    ),
    "one principal": (
        {"from": [{"source": {"requestPrincipals": [f"{ISSUER.name}/ann"]}}]},
        {"ann": True, "bob": False, "other": False, "none": False},
    ),
    "principals of one issuer": (
        {"from": [{"source": {"requestPrincipals": [f"{ISSUER.name}/*"]}}]},
        {"ann": True, "bob": True, "other": False, "none": False},
    ),
    "a claim": (
        {"when": [{"key": "request.auth.claims[groups]", "values": ["admin"]}]},
        {"ann": True, "bob": False, "other": False, "none": False},
    ),
    "no such claim": (
        {"when": [{"key": "request.auth.claims[groups]", "notValues": ["admin"]}]},
        {"ann": False, "bob": True, "other": True, "none": True},
    ),
    "an audience": (
        {"when": [{"key": "request.auth.audiences", "values": ["cart"]}]},
        {"ann": False, "bob": True, "other": False, "none": False},
    ),
}
"""By what a policy allows, who is let through."""


async def test_policies_ask_for_verified_tokens(world: JwtWorld) -> None:
    tokens = {
        "ann": ISSUER.token(groups=["user", "admin"]),
        "bob": ISSUER.token(sub="bob", groups="user", aud=["shop", "cart"]),
        "other": OTHER.token(),
        "none": "",
    }
    rules = [{"issuer": each.name, "jwks": each.jwks} for each in (ISSUER, OTHER)]
    world.rules(*rules)
    world.rules(*rules, app="gateway", name="at-gateway")

    async def found(place: str) -> Mapping[str, int]:
        return {name: await world.status(token, place) for name, token in tokens.items()}

    for name, (rule, let_through) in RULES.items():
        for place, app in (("plain text", "server"), ("gateway", "gateway")):
            world.mesh.write("policy", allow(app, **rule))
            expected = {who: 200 if passes else 403 for who, passes in let_through.items()}
            try:
                await world.until(partial(found, place), expected)
            except AssertionError as error:
                raise AssertionError(f"{name}, {place}: {error}") from error
            assert await world.status(ISSUER.token(exp=1), place) == 401
