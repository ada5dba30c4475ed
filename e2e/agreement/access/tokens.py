"""Tokens that clients show, and what they are verified with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from envoy_data_plane.envoy.config.core.v3 import DataSource
from envoy_data_plane.envoy.config.route.v3 import RouteMatch
from envoy_data_plane.envoy.extensions.filters.http.jwt_authn.v3 import (
    JwtAuthentication,
    JwtClaimToHeader,
    JwtHeader,
    JwtProvider,
    JwtProviderNormalizePayload,
    JwtRequirement,
    JwtRequirementAndList,
    JwtRequirementOrList,
    ProviderWithAudiences,
    RequirementRule,
)
from envoy_data_plane.google.protobuf import Empty
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm

from xds.explain.access.tokens import place_of
from xds.explain.query import parse_query

ISSUERS: Final = ("a.example", "https://b.example", "c.example")
_AUDIENCES: Final = ("shop", "https://shop/", "cart")
PAYLOADS: Final[tuple[Mapping[str, object], ...]] = (
    {"iss": ISSUERS[0], "sub": "alice", "aud": "shop"},
    {"iss": ISSUERS[0], "sub": "bob", "aud": ["cart", "shop/"], "scope": "read write", "level": 3, "admin": True},
    {"iss": ISSUERS[1], "sub": "alice", "groups": ["x", "y"], "deep": {"er": "x"}, "scope": "read"},
    {"iss": ISSUERS[1], "sub": "", "aud": "https://shop", "groups": "x", "none": None, "level": 2.5},
    {"iss": "nobody.example", "sub": "alice"},
)
_KEY: Final = ec.generate_private_key(ec.SECP256R1())
_KEY_SET: Final = json.dumps({"keys": [{**ECAlgorithm.to_jwk(_KEY.public_key(), as_dict=True), "alg": "ES256"}]})


@lru_cache
def signed(index: int) -> str:
    """The token with one of the payloads."""
    return jwt.encode(dict(PAYLOADS[index]), _KEY, "ES256")


def shown(index: int, config: JwtAuthentication, path: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A path and headers by which a client shows the token where it is looked for."""
    place, token = place_of(PAYLOADS[index]["iss"], config.providers), signed(index)
    if place.kind == "parameter":
        before, _, query = path.partition("?")
        return f"{before}?{place.name}={token}" + (f"&{query}" if parse_query(path) else ""), ()
    text = f"{place.name}={token}" if place.kind == "cookie" else place.prefix + token
    return path, (("cookie" if place.kind == "cookie" else place.name, text),)


def _provider(issuer: str) -> st.SearchStrategy[JwtProvider]:
    return st.builds(
        JwtProvider,
        issuer=st.just(issuer),
        audiences=st.lists(st.sampled_from(_AUDIENCES), max_size=2, unique=True),
        local_jwks=st.just(DataSource(inline_string=_KEY_SET)),
        forward=st.booleans(),
        from_headers=st.sampled_from(([], [], [JwtHeader(name="x-token", value_prefix="My ")], [JwtHeader("x-plain")])),
        from_params=st.sampled_from(([], [], ["token"])),
        from_cookies=st.sampled_from(([], [], ["jar"])),
        payload_in_metadata=st.sampled_from(("payload", "payload", "other", "")),
        normalize_payload_in_metadata=st.sampled_from(
            (None, JwtProviderNormalizePayload(space_delimited_claims=["scope", "sub"]))
        ),
        claim_to_headers=st.sampled_from(
            (
                [],
                [JwtClaimToHeader("x-a", "sub")],
                [JwtClaimToHeader("X-C", "deep.er"), JwtClaimToHeader("x-b", "level")],
            )
        ),
        clear_route_cache=st.booleans(),
    )


def _requirements(names: tuple[str, ...], depth: int) -> st.SearchStrategy[JwtRequirement]:
    leaves = st.one_of(
        st.builds(JwtRequirement, provider_name=st.sampled_from(names)),
        st.builds(JwtRequirement, provider_name=st.sampled_from(names)),
        st.builds(
            JwtRequirement,
            provider_and_audiences=st.builds(
                ProviderWithAudiences,
                provider_name=st.sampled_from(names),
                audiences=st.lists(st.sampled_from(_AUDIENCES), min_size=1, max_size=2, unique=True),
            ),
        ),
        st.just(JwtRequirement(allow_missing=Empty())),
        st.just(JwtRequirement(allow_missing_or_failed=Empty())),
    )
    if not depth:
        return leaves
    more = st.lists(_requirements(names, depth - 1), min_size=2, max_size=3)
    return st.one_of(
        leaves,
        st.builds(JwtRequirement, requires_any=st.builds(JwtRequirementOrList, requirements=more)),
        st.builds(JwtRequirement, requires_all=st.builds(JwtRequirementAndList, requirements=more)),
    )


@st.composite
def authentications(draw: st.DrawFn) -> JwtAuthentication:
    """Providers of some issuers, and rules about them."""
    issuers = draw(st.lists(st.sampled_from(ISSUERS), min_size=1, unique=True))
    providers = {f"origins-{number}": draw(_provider(issuer)) for number, issuer in enumerate(issuers)}
    rules = st.builds(
        RequirementRule,
        match=st.sampled_from((RouteMatch(prefix="/a"), RouteMatch(prefix="/"), RouteMatch(prefix="/"))),
        requires=_requirements(tuple(providers), 2),
    )
    return JwtAuthentication(
        providers=providers,
        rules=draw(st.lists(rules, min_size=1, max_size=2)),
        bypass_cors_preflight=draw(st.booleans()),
    )
