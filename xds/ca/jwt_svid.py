"""JWT-SVIDs (SPIFFE JWT-SVID standard): tokens for one audience each, and the keys that verify them. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm
from jwt.types import Options

from xds.ca.authority import Authority
from xds.ca.errors import CertificateError
from xds.model.identity import SpiffeId

ALGORITHM: Final = "ES256"
MAX_TOKEN: Final = 8192
"""Characters of a token that is read."""

MAX_AUDIENCES: Final = 16
LIFE: Final = timedelta(minutes=5)

_LEEWAY: Final = timedelta(seconds=30)
_OPTIONS: Final[Options] = {
    "require": ["sub", "aud", "exp"],
    # by the caller's clock, not by PyJWT's
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


@dataclass(frozen=True, slots=True)
class JwtSvid:
    """A verified token. expires: when it ends."""

    identity: SpiffeId
    audience: tuple[str, ...]
    expires: datetime


@dataclass(frozen=True, slots=True)
class Signed:
    """A token. text: what proves something to whoever reads it, so repr does not show it. expires: when it ends."""

    text: str = field(repr=False)
    expires: datetime


def sign(
    authority: Authority, identity: SpiffeId, audience: Sequence[str], *, now: datetime, life: timedelta = LIFE
) -> Signed:
    """A token for these audiences. Raises CertificateError if there are none, or too many, or a foreign identity."""
    if identity.trust_domain != authority.trust_domain:
        raise CertificateError(f"{identity} is of another trust domain than {authority.trust_domain}")
    if not 0 < len(audience) <= MAX_AUDIENCES or not all(audience):
        raise CertificateError(f"a token is for one to {MAX_AUDIENCES} audiences, none of them empty")
    expires = (now + life).replace(microsecond=0)
    claims = {"sub": str(identity), "aud": list(audience), "exp": expires, "iat": now}
    return Signed(jwt.encode(claims, authority.jwt_key, ALGORITHM, headers={"kid": _key_id(authority)}), expires)


def verify(token: str, authorities: Iterable[Authority], audience: str, now: datetime) -> JwtSvid:
    """Whose token this is. Raises CertificateError if it is malformed, not signed by one of these, not for this
    audience, or over."""
    if len(token) > MAX_TOKEN:
        raise CertificateError(f"the token has {len(token)} characters: at most {MAX_TOKEN} are read")
    try:
        signer = signer_of(token, authorities)
        if signer is None:
            raise CertificateError("the token is signed by no trusted key")
        found = _verified(token, signer, audience)
    except CertificateError:
        raise
    except (jwt.PyJWTError, ValueError, OverflowError, TypeError) as error:
        raise CertificateError(f"the token is not valid: {error}") from error
    if now >= found.expires + _LEEWAY:
        raise CertificateError(f"the token ended at {found.expires:%F %T} UTC")
    if found.identity.trust_domain != signer.trust_domain:
        raise CertificateError(f"{found.identity} is of another trust domain than {signer.trust_domain}")
    return found


def signer_of(token: str, authorities: Iterable[Authority]) -> Authority | None:
    """Whose key a token names; None if it is none of these, or if this is no token."""
    try:
        key = jwt.get_unverified_header(token).get("kid")
    except (jwt.PyJWTError, ValueError):
        return None
    return next((authority for authority in authorities if _key_id(authority) == key), None)


def _verified(token: str, signer: Authority, audience: str) -> JwtSvid:
    claims = jwt.decode(token, signer.jwt_key.public_key(), [ALGORITHM], audience=audience, options=_OPTIONS)
    expires = datetime.fromtimestamp(float(claims["exp"]), tz=UTC)
    return JwtSvid(SpiffeId.parse(str(claims["sub"])), _audience(claims["aud"]), expires)


def jwks(authorities: Iterable[Authority]) -> str:
    """The keys that verify tokens, as a JSON Web Key Set (RFC 7517) in SPIFFE's shape."""
    keys = []
    for authority in authorities:
        key = json.loads(ECAlgorithm.to_jwk(authority.jwt_key.public_key()))
        keys.append({**key, "kid": _key_id(authority), "use": "jwt-svid"})
    return json.dumps({"keys": keys})


def _audience(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _key_id(authority: Authority) -> str:
    public = authority.jwt_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(public).hexdigest()[:16]
