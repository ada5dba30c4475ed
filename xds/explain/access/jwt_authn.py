"""Envoy's JWT authentication: which rule a request comes under, and whether its token, or that it has none, will do."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from envoy_data_plane.envoy.config.route.v3 import RouteMatch
from envoy_data_plane.envoy.extensions.filters.http.jwt_authn.v3 import (
    JwtAuthentication,
    JwtProvider,
    JwtRequirement,
    PerRouteConfig,
)
from envoy_data_plane.google.protobuf import Any as AnyMessage

from xds.explain import route_match
from xds.explain.access import tokens
from xds.explain.access.requirements import Shown, verified
from xds.explain.access.tokens import Claims, Place
from xds.explain.decode import unpacked
from xds.explain.errors import UnsupportedError
from xds.explain.request import Request
from xds.explain.result import Answered, Check
from xds.explain.step import Did
from xds.explain.stream import Stream

NOTES: Final = "envoy.filters.http.jwt_authn"


def jwt_authn(name: str, own: AnyMessage | None, route: AnyMessage | None, stream: Stream) -> Did:
    """What the filter does. route: what the route has for it beside its own configuration. Raises UnsupportedError."""
    config, request = unpacked(own, JwtAuthentication), stream.request
    per_route = unpacked(route, PerRouteConfig)
    if config is None or request is None or (per_route is not None and per_route.disabled):
        return Did(stream)
    if config.filter_state_rules is not None:
        raise UnsupportedError("tokens that are asked for by filter state")
    if config.bypass_cors_preflight and _is_preflight(request):
        return Did(stream, checks=(Check(name, "a CORS preflight needs no token"),))
    if per_route is not None and per_route.requirement_name is not None:
        requirement = config.requirement_map.get(per_route.requirement_name)
    else:
        requirement = _requirement(config, request)
    if requirement is None:
        return Did(stream, checks=(Check(name, "nothing is asked of this request"),))
    return _asked(name, config, requirement, stream, request)


def _is_preflight(request: Request) -> bool:
    named = bool(request.header("origin")) and bool(request.header("access-control-request-method"))
    return request.method == "OPTIONS" and named


def _requirement(config: JwtAuthentication, request: Request) -> JwtRequirement | None:
    """Of the first rule that is for the request."""
    for rule in config.rules:
        if route_match.mismatch(rule.match or RouteMatch(), request) is None:
            return config.requirement_map.get(rule.requirement_name) if rule.requirement_name else rule.requires
    return None


def _asked(name: str, config: JwtAuthentication, requirement: JwtRequirement, stream: Stream, request: Request) -> Did:
    place = _place(config, request)
    found = verified(requirement, config.providers, Shown(request.claims, place))
    check = Check(name, found.text, found.issuer)
    if found.status:
        return Did(stream, (Answered(1.0, found.status, found.text),), checks=(check,))
    told = replace(stream, request=_without_told(request, config))
    for provider in found.providers:
        told = _told(told, provider, request.claims or {}, place)
    return Did(told, checks=(check,), reroutes=any(provider.clear_route_cache for provider in found.providers))


def _place(config: JwtAuthentication, request: Request) -> Place:
    """Where the token is. Raises UnsupportedError if there is one whose claims are not told, or one that providers read
    in different ways."""
    every = tuple(place for provider in config.providers.values() for place in tokens.places(provider))
    if request.claims is not None:
        place = tokens.place_of(request.claims.get("iss"), config.providers)
        if any((each.kind, each.name) == (place.kind, place.name) and each != place for each in every):
            raise UnsupportedError(f"a token in the {place}, where it is looked for behind different prefixes")
        return place
    found = next((place for place in every if place.holds_text(request)), None)
    if found is not None:
        raise UnsupportedError(f"a token in the {found}, and nobody says what is in it")
    return tokens.place_of(None, config.providers)


def _without_told(request: Request, config: JwtAuthentication) -> Request:
    """Without the headers in which the filter tells of tokens: nobody else is to."""
    names = {name for provider in config.providers.values() for name in tokens.told_in(provider)}
    return replace(request, headers=tuple(item for item in request.headers if item[0] not in names))


def _told(stream: Stream, provider: JwtProvider, claims: Claims, place: Place) -> Stream:
    """A token that a provider has found valid: what it says is noted, and told in headers; the token itself may go."""
    request = stream.request
    if request is None:
        return stream
    request = replace(request, headers=(*request.headers, *tokens.headers(claims, provider)))
    if not provider.forward and place.is_emptied:
        request = replace(place.emptied(request), claims=None)
    if provider.payload_in_metadata:
        stream = stream.with_note(NOTES, {provider.payload_in_metadata: tokens.noted(claims, provider)})
    return replace(stream, request=request)
