"""Tokens of service accounts, as Kubernetes issues them (projected tokens; OpenID Connect, RFC 7519). Pure.

A token proves ``system:serviceaccount:NAMESPACE:NAME`` to whoever trusts its issuer and is its audience.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import jwt
from jwt.types import Options

from xds.ca.errors import CertificateError
from xds.model.identity import SpiffeId

MAX_TOKEN: Final = 16_384
"""Characters of a token that is read."""

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Asymmetric ones only: with another, whoever can verify a token could make one."""

_SUBJECT: Final = re.compile(r"system:serviceaccount:([^:]+):([^:]+)")
_LEEWAY: Final = timedelta(seconds=30)
_OPTIONS: Final[Options] = {
    "require": ["iss", "sub", "aud", "exp"],
    # by the caller's clock, not by PyJWT's
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


class UnknownKeyError(CertificateError):
    """A token is signed by a key that its issuer has not published yet, or never will."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs tokens. name: its ``iss``. keys: those that it has published; None if they could not be had yet."""

    name: str
    keys: jwt.PyJWKSet | None = None


def issuer_of(token: str) -> str:
    """Who a token says has signed it, which nothing has verified yet; empty if it does not say, or is no token."""
    if len(token) > MAX_TOKEN:
        return ""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError):
        return ""
    issuer = claims.get("iss")
    return issuer if isinstance(issuer, str) else ""


def verify(token: str, issuer: Issuer, audiences: Sequence[str], trust_domain: str, now: datetime) -> SpiffeId:
    """Whose token this is. Raises UnknownKeyError if the issuer's keys are to be asked for again; CertificateError if
    the token is malformed, not signed by this issuer, for none of the audiences, over, or not yet valid."""
    try:
        key = _key(token, issuer)
        claims = jwt.decode(
            token, key, list(ALGORITHMS), audience=list(audiences), issuer=issuer.name, options=_OPTIONS
        )
        _check_time(claims, now)
        return _identity(str(claims["sub"]), trust_domain)
    except CertificateError:
        raise
    except (jwt.PyJWTError, ValueError, OverflowError, TypeError) as error:
        raise CertificateError(f"the service account's token is not valid: {error}") from error


def _key(token: str, issuer: Issuer) -> jwt.PyJWK:
    key_id = jwt.get_unverified_header(token).get("kid")
    for key in issuer.keys.keys if issuer.keys is not None else ():
        if key.key_id == key_id:
            return key
    raise UnknownKeyError(f"the token is signed by a key that {issuer.name} has not published")


def _check_time(claims: dict[str, object], now: datetime) -> None:
    expires = _moment(claims["exp"])
    if now >= expires + _LEEWAY:
        raise CertificateError(f"the service account's token ended at {expires:%F %T} UTC")
    begins = _moment(claims.get("nbf", 0))
    if now < begins - _LEEWAY:
        raise CertificateError(f"the service account's token holds from {begins:%F %T} UTC")


def _moment(value: object) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CertificateError("the service account's token has a time that is none")
    return datetime.fromtimestamp(value, tz=UTC)


def _identity(subject: str, trust_domain: str) -> SpiffeId:
    found = _SUBJECT.fullmatch(subject)
    if found is None:
        raise CertificateError(f"the token is for {subject!r}, and not for a service account")
    return SpiffeId.of_workload(trust_domain, *found.groups())
