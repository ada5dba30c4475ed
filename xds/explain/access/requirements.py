"""Envoy's ``JwtRequirement``: what has to be so of a request's token."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from envoy_data_plane.envoy.extensions.filters.http.jwt_authn.v3 import JwtProvider, JwtRequirement

from xds.explain.access import tokens
from xds.explain.access.tokens import Claims, Place
from xds.explain.errors import UnsupportedError

Providers = Mapping[str, JwtProvider]


@dataclass(frozen=True, slots=True)
class Shown:
    """claims: of the token; None without one. place: where it is. taken: that a provider has taken it away."""

    claims: Claims | None
    place: Place
    taken: bool = False

    def to(self, provider: JwtProvider) -> bool:
        """Whether the provider sees it."""
        return self.claims is not None and not self.taken and self.place in tokens.places(provider)

    def after(self, found: Verified) -> Shown:
        """What is left to see for whoever comes next: a token that is not to be forwarded goes once it is verified."""
        return replace(self, taken=True) if found.takes else self


@dataclass(frozen=True, slots=True)
class Verified:
    """status: of the answer, 0 if the request goes on. text: why. providers: those that found the token valid, also
    where that was not enough.

    issuer: of the provider that says so; empty if none in particular does. takes: whether the token is gone then.
    """

    status: int
    text: str
    providers: tuple[JwtProvider, ...] = ()
    issuer: str = ""
    takes: bool = False


_MISSING: Final = "Jwt is missing"
_UNKNOWN: Final = "Jwt issuer is not configured"
_UNSPECIFIC: Final = (_MISSING, _UNKNOWN)
"""What says least: another failure is told instead, and the latter instead of the former."""


def verified(requirement: JwtRequirement, providers: Providers, shown: Shown) -> Verified:
    """Whether it is met. Raises UnsupportedError."""
    return _verified(requirement, providers, shown, tuple(providers))


def _verified(requirement: JwtRequirement, providers: Providers, shown: Shown, beside: Sequence[str]) -> Verified:
    """beside: the providers among which a requirement is that asks for none in particular."""
    one = _named(requirement, providers)
    if one is not None:
        return _by(*one, shown)
    if requirement.requires_any is not None:
        return _any(requirement.requires_any.requirements, providers, shown)
    if requirement.requires_all is not None:
        return _all(requirement.requires_all.requirements, providers, shown)
    if not _is_lenient(requirement):
        raise UnsupportedError("tokens that are taken without being verified")
    forgiving = requirement.allow_missing_or_failed is not None
    return _lenient([providers[name] for name in beside], shown, forgiving=forgiving)


def _named(requirement: JwtRequirement, providers: Providers) -> tuple[JwtProvider, tuple[str, ...]] | None:
    """The provider that is asked for, if one is, and whom the token has to be for."""
    if requirement.provider_name is not None:
        provider = providers[requirement.provider_name]
        return provider, tuple(provider.audiences)
    named = requirement.provider_and_audiences
    return (providers[named.provider_name], tuple(named.audiences)) if named is not None else None


def _by(provider: JwtProvider, audiences: tuple[str, ...], shown: Shown) -> Verified:
    if provider.subjects is not None or provider.require_expiration or provider.max_lifetime is not None:
        raise UnsupportedError("tokens whose subject or lifetime is looked at")
    if shown.claims is None or not shown.to(provider):
        return Verified(401, _MISSING)
    issuer = shown.claims.get("iss")
    if provider.issuer and provider.issuer != issuer:
        return Verified(401, _UNKNOWN)
    if not tokens.is_for(shown.claims, audiences):
        return Verified(403, "Audiences in Jwt are not allowed", issuer=provider.issuer)
    takes = shown.place.is_emptied and not provider.forward
    return Verified(0, f"the token of {issuer} is taken as valid", (provider,), provider.issuer, takes)


def _lenient(providers: Sequence[JwtProvider], shown: Shown, *, forgiving: bool) -> Verified:
    """Without a token everything is well. With one, whichever provider is for its issuer looks at it. forgiving: what
    it finds then does not matter."""
    if shown.claims is None or not any(map(shown.to, providers)):
        return Verified(0, "there is no token, and none is needed")
    issuer = shown.claims.get("iss")
    own = next((each for each in providers if each.issuer in ("", issuer) and shown.to(each)), None)
    found = _by(own, tuple(own.audiences), shown) if own is not None else Verified(401, _UNKNOWN)
    return Verified(0, f"{found.text}, and none is needed") if found.status and forgiving else found


def _any(requirements: Sequence[JwtRequirement], providers: Providers, shown: Shown) -> Verified:
    """The first that is met. One that needs no token comes last, and is about the providers of the others."""
    lenient = sorted(filter(_is_lenient, requirements), key=lambda each: each.allow_missing_or_failed is None)
    strict = [each for each in requirements if not _is_lenient(each)]
    beside = tuple(name for each in strict for name in _names(each)) or tuple(providers)
    found: list[Verified] = []
    for each in (*strict, *lenient[:1]):
        found.append(_verified(each, providers, shown, beside))
        if not found[-1].status:
            return _together(found[-1], found)
        shown = shown.after(found[-1])
    specific = [each for each in found if each.text not in _UNSPECIFIC]
    unknown = [each for each in found if each.text == _UNKNOWN]
    return _together((specific[-1:] or unknown or found)[0], found)


def _is_lenient(requirement: JwtRequirement) -> bool:
    return requirement.allow_missing is not None or requirement.allow_missing_or_failed is not None


def _names(requirement: JwtRequirement) -> Iterable[str]:
    """The providers that a requirement names."""
    if requirement.provider_name is not None:
        return (requirement.provider_name,)
    if requirement.provider_and_audiences is not None:
        return (requirement.provider_and_audiences.provider_name,)
    nested = requirement.requires_any or requirement.requires_all
    return tuple(name for each in nested.requirements for name in _names(each)) if nested is not None else ()


def _all(requirements: Sequence[JwtRequirement], providers: Providers, shown: Shown) -> Verified:
    """The first that is not met; or all of them. One that needs no token is about all providers."""
    found: list[Verified] = []
    for each in requirements:
        found.append(_verified(each, providers, shown, tuple(providers)))
        if found[-1].status:
            return _together(found[-1], found)
        shown = shown.after(found[-1])
    return _together(next((each for each in found if each.providers), found[0]), found)


def _together(deciding: Verified, found: Sequence[Verified]) -> Verified:
    """One of several, with what all of them have found valid and taken away."""
    valid = tuple(provider for each in found for provider in each.providers)
    return replace(deciding, providers=valid, takes=any(each.takes for each in found))
