"""A token (JWT) that a client shows: where it is, and what is in it.

Whether it is signed and in force is not looked at: whoever asks says what a valid token would hold.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from envoy_data_plane.envoy.extensions.filters.http.jwt_authn.v3 import JwtProvider

from xds.explain.query import parse_query
from xds.explain.request import Request

Claims = Mapping[str, object]
"""The payload of a token: a JSON object."""

_SCHEMES: Final = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a token is looked for. kind: ``header``, ``parameter`` or ``cookie``. prefix: what comes before it."""

    kind: str
    name: str
    prefix: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    def holds_text(self, request: Request) -> bool:
        """Whether a request has something here that would be taken for a token."""
        if self.kind == "parameter":
            return self.name in parse_query(request.path)
        if self.kind == "cookie":
            cookies = (part.strip() for value in request.values("cookie") for part in value.split(";"))
            return any(cookie.partition("=")[0] == self.name for cookie in cookies)
        return any(value.startswith(self.prefix) for value in request.values(self.name))

    @property
    def is_emptied(self) -> bool:
        """Whether a token that is not to be forwarded goes from here; a parameter and a cookie stay."""
        return self.kind == "header"

    def emptied(self, request: Request) -> Request:
        """The request without the token."""
        return replace(request, headers=tuple(item for item in request.headers if item[0] != self.name))


_USUAL: Final = (Place("header", "authorization", "Bearer "), Place("parameter", "access_token"))


def places(provider: JwtProvider) -> tuple[Place, ...]:
    """Where a provider looks for tokens, the first first."""
    found = (
        *(Place("header", each.name.lower(), each.value_prefix) for each in provider.from_headers),
        *(Place("parameter", name) for name in provider.from_params),
        *(Place("cookie", name) for name in provider.from_cookies),
    )
    return found or _USUAL


def place_of(issuer: object, providers: Mapping[str, JwtProvider]) -> Place:
    """Where a client puts a token of this issuer: where the provider that is for it looks first."""
    for provider in providers.values():
        if provider.issuer in ("", issuer):
            return places(provider)[0]
    return _USUAL[0]


def audiences(claims: Claims) -> tuple[str, ...]:
    """Whom a token is for."""
    found = claims.get("aud")
    return tuple(map(str, found)) if isinstance(found, list) else (str(found),) if found is not None else ()


def is_for(claims: Claims, wanted: tuple[str, ...]) -> bool:
    """Whether a token is for one of ``wanted``, or nobody in particular is. Schemes and final slashes do not count."""
    return not wanted or bool(set(map(_bare, wanted)) & set(map(_bare, audiences(claims))))


def _bare(audience: str) -> str:
    for scheme in _SCHEMES:
        audience = audience.removeprefix(scheme)
    return audience.removesuffix("/")


def noted(claims: Claims, provider: JwtProvider) -> Claims:
    """The claims as they are noted for other filters: some texts are lists, whose members spaces separate."""
    delimited = provider.normalize_payload_in_metadata
    names = delimited.space_delimited_claims if delimited is not None else ()
    split = {name: value.split() for name in names if isinstance(value := claims.get(name), str)}
    return {**claims, **split}


def told_in(provider: JwtProvider) -> Iterator[str]:
    """The headers in which a provider tells of tokens."""
    if provider.forward_payload_header:
        yield provider.forward_payload_header.lower()
    yield from (each.header_name.lower() for each in provider.claim_to_headers)


def headers(claims: Claims, provider: JwtProvider) -> Iterator[tuple[str, str]]:
    """What a provider tells of a token in headers."""
    if provider.forward_payload_header:
        payload = base64.urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode()).decode()
        yield provider.forward_payload_header.lower(), payload.rstrip("=")
    for each in provider.claim_to_headers:
        text = _text(_claim(claims, each.claim_name))
        if text is not None:
            yield each.header_name.lower(), text


def _claim(claims: Claims, name: str) -> object:
    """A claim with this name, or in an object by the names between dots."""
    value: object = claims
    for key in name.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _text(value: object) -> str | None:
    """Of text, numbers and truth; None for what has no header."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int) else None
