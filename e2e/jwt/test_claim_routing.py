"""A gateway routes by the claims of a verified token."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from e2e.jwt.issuer import Issuer
from e2e.jwt.world import TO_SERVER, JwtWorld, gateway
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="session")

ISSUER = Issuer("https://claims.example.com")

CASES: Mapping[str, tuple[Mapping[str, object], bool]] = {
    "/text": ({"role": "admin"}, True),
    "/text?other": ({"role": "user"}, False),
    "/text?list": ({"role": ["user", "admin"]}, True),
    "/text?empty-list": ({"role": []}, False),
    "/text?none": ({}, False),
    "/nested": ({"realm.io": {"roles": ["admin", "user"]}}, True),
    "/nested?text": ({"realm.io": {"roles": "admin"}}, True),
    "/nested?flat": ({"realm.io": "admin"}, False),
    "/dotted": ({"group": {"id": "a-1"}}, True),
    "/dotted?other": ({"group": {"id": "b-1"}}, False),
    "/spaces": ({"scope": "read write"}, True),
    "/spaces?part": ({"scope": "readwrite"}, False),
    "/own-spaces": ({"groups": "one two"}, True),
    "/present": ({"email": "ann@example.com"}, True),
    "/present?none": ({}, False),
    "/without": ({"role": "user"}, True),
    "/without?it": ({"role": "admin"}, False),
    "/without?none": ({}, True),
}
"""By path, the claims of a token, and whether it is let through."""

_CLAIMS: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "/text": ("headers", "@request.auth.claims[role]", {"exact": "admin"}),
    "/nested": ("headers", "@request.auth.claims[realm.io][roles]", {"exact": "admin"}),
    "/dotted": ("headers", "@request.auth.claims.group.id", {"prefix": "a-"}),
    "/spaces": ("headers", "@request.auth.claims.scope", {"exact": "write"}),
    "/own-spaces": ("headers", "@request.auth.claims.groups", {"regex": "t.o"}),
    "/present": ("headers", "@request.auth.claims.email", {}),
    "/without": ("withoutHeaders", "@request.auth.claims.role", {"exact": "admin"}),
}


def routes() -> list[object]:
    """Rules for each of the claims; what none of them is for is answered with 418."""
    matched = [
        {"match": [{"uri": {"prefix": path}, field: {name: value}}], "route": TO_SERVER}
        for path, (field, name, value) in _CLAIMS.items()
    ]
    return [*matched, {"directResponse": {"status": 418}}]


@proves("RequestAuthentication", "spec.jwtRules.spaceDelimitedClaims")
async def test_claims_decide_at_a_gateway(world: JwtWorld) -> None:
    world.rules(
        {"issuer": ISSUER.name, "jwks": ISSUER.jwks, "spaceDelimitedClaims": ["groups"]},
        app="gateway",
        name="at-gateway",
    )
    world.mesh.write("gateway", *gateway(world.mesh.gateway.ip, "gateway", *routes()))

    async def status(path: str, token: str) -> int:
        return (await world.ask(token, path=path, place="gateway")).status

    async def found() -> Mapping[str, int]:
        return {path: await status(path, ISSUER.token(None, **claims)) for path, (claims, _) in CASES.items()}

    await world.until(found, {path: 200 if passes else 418 for path, (_, passes) in CASES.items()})
    assert await status("/text", "") == 418, "without a token"
    assert await status("/without", "") == 200, "nor has one that is missing the claim"
    assert await status("/text", ISSUER.token(role="admin", exp=1)) == 401
