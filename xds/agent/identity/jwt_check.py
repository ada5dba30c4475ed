"""Whether a JWT-SVID is good (SPIFFE JWT-SVID standard), by the bundles that the workload has. Pure.

PyJWT is loaded when the first token is checked: few applications ask for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from xds.model.identity import SpiffeId
from xds.model.trust import TrustBundle

if TYPE_CHECKING:
    from jwt.types import Options

MAX_TOKEN: Final = 8192
_LEEWAY: Final = 30.0
_ALGORITHMS: Final = tuple(f"{family}{bits}" for family in ("RS", "ES", "PS") for bits in (256, 384, 512))


def check(token: str, audience: str, bundles: Sequence[TrustBundle], now: datetime) -> tuple[SpiffeId, dict[str, Any]]:
    """Whose token it is, and what it says. Raises ValueError with the reason if it is not good."""
    import jwt

    if len(token) > MAX_TOKEN:
        raise ValueError(f"the token has {len(token)} characters: at most {MAX_TOKEN} are read")
    options: Options = {"require": ["sub", "aud", "exp"], "verify_exp": False, "verify_nbf": False, "verify_iat": False}
    try:
        said = jwt.decode(token, options={"verify_signature": False})
        identity = SpiffeId.parse(str(said.get("sub")))
        key = _key(bundles, identity.trust_domain, str(jwt.get_unverified_header(token).get("kid")))
        claims = jwt.decode(token, jwt.PyJWK(dict(key)), list(_ALGORITHMS), audience=audience, options=options)
    except jwt.PyJWTError as error:
        raise ValueError(f"the token is not valid: {error}") from None
    _check_time(claims, now.timestamp())
    return identity, claims


def _key(bundles: Sequence[TrustBundle], trust_domain: str, key_id: str) -> Mapping[str, object]:
    for bundle in bundles:
        if bundle.trust_domain == trust_domain and bundle.jwks:
            for key in json.loads(bundle.jwks).get("keys", ()):
                if key.get("kid") == key_id:
                    return dict(key)
    raise ValueError(f"no key of {trust_domain} is known that has signed it")


def _check_time(claims: Mapping[str, object], now: float) -> None:
    expires, begins = claims["exp"], claims.get("nbf", 0)
    if not isinstance(expires, int | float) or not isinstance(begins, int | float):
        raise ValueError("the token has a time that is none")
    if now >= expires + _LEEWAY:
        raise ValueError("the token is over")
    if now < begins - _LEEWAY:
        raise ValueError("the token does not hold yet")
