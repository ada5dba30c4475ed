"""Which requests a rule is for: Istio ``HTTPMatchRequest`` to Envoy ``RouteMatch``.

What the control plane knows already (gateway, listening port, labels and namespace of the client) is decided here and
never reaches the proxy.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from envoy_data_plane.envoy.config.route.v3 import HeaderMatcher, QueryParameterMatcher, RouteMatch
from envoy_data_plane.envoy.type.matcher.v3 import MetadataMatcher, RegexMatcher, StringMatcher

from translators.jwt import claim_matcher
from translators.route.client import ClientRules
from xds.model.routing import (
    MESH_GATEWAY,
    HTTPMatchRequest,
    HTTPRoute,
    L4MatchAttributes,
    MatchKind,
    StringMatch,
)
from xds.wire.encode import encode

_EVERYTHING = (
    StringMatch(MatchKind.PRESENT),
    StringMatch(MatchKind.PREFIX, "/"),
    StringMatch(MatchKind.REGEX, ".*"),
    StringMatch(MatchKind.REGEX, "*"),
)


def applicable(rule: HTTPRoute, rules: ClientRules, port: int) -> Iterator[HTTPMatchRequest | None]:
    """The matches of ``rule`` that requests on ``port`` can meet; None stands for a rule without conditions."""
    if rule.match:
        yield from (match for match in rule.match if applies(match, rules, port))
    elif rules.gateway in rules.virtual_service.gateways:
        yield None


def applies(match: HTTPMatchRequest | L4MatchAttributes, rules: ClientRules, port: int) -> bool:
    """True if traffic of these clients on ``port`` can meet ``match``."""
    return (
        rules.gateway in match.gateways
        and match.port in (None, port)
        and match.source_labels.selects(rules.labels)
        and match.source_namespace in ("", rules.namespace)
        and not (rules.gateway == MESH_GATEWAY and isinstance(match, HTTPMatchRequest) and match.asks_for_claims)
    )


def is_catch_all(match: HTTPMatchRequest | None) -> bool:
    """True if every request meets ``match``, so that no later rule is ever reached."""
    if match is None:
        return True
    others = (match.headers, match.without_headers, match.query_params, match.method, match.authority, match.scheme)
    return not any(others) and not match.asks_for_claims and (match.uri is None or match.uri in _EVERYTHING)


def route_match(match: HTTPMatchRequest | None) -> bytes:
    """An encoded Envoy ``RouteMatch``."""
    if match is None or (is_catch_all(match) and not match.ignore_uri_case):
        return _any_request()
    kind, path = _path(match.uri)
    return encode(
        RouteMatch(
            prefix=path if kind is MatchKind.PREFIX else None,
            path=path if kind is MatchKind.EXACT else None,
            safe_regex=RegexMatcher(regex=path) if kind is MatchKind.REGEX else None,
            case_sensitive=False if match.ignore_uri_case else None,
            headers=list(_headers(match)),
            query_parameters=[_query_parameter(name, value) for name, value in (match.query_params or {}).items()],
            dynamic_metadata=list(_claims(match)),
        )
    )


@lru_cache(maxsize=1)
def _any_request() -> bytes:
    return encode(RouteMatch(prefix="/"))


def _path(uri: StringMatch | None) -> tuple[MatchKind, str]:
    """A prefix is Envoy's plain ``prefix``: ``/foo`` matches ``/foobar`` too, as in Istio."""
    if uri is None or uri in _EVERYTHING:
        return MatchKind.PREFIX, "/"
    return uri.kind, uri.value


def _headers(match: HTTPMatchRequest) -> Iterator[HeaderMatcher]:
    pseudo = {":method": match.method, ":authority": match.authority, ":scheme": match.scheme}
    yield from (_header(name, value) for name, value in (match.headers or {}).items())
    yield from (_header(name, value) for name, value in pseudo.items() if value is not None)
    yield from (_without_header(name, value) for name, value in (match.without_headers or {}).items())


def _header(name: str, value: StringMatch) -> HeaderMatcher:
    if value.kind is MatchKind.PRESENT:
        return HeaderMatcher(name=name, present_match=True)
    return HeaderMatcher(name=name, string_match=string_matcher(value))


def _without_header(name: str, value: StringMatch) -> HeaderMatcher:
    """A request without the header at all is not a request with this value."""
    if value.kind is MatchKind.PRESENT:
        return HeaderMatcher(name=name, present_match=True, invert_match=True)
    return HeaderMatcher(
        name=name, string_match=string_matcher(value), invert_match=True, treat_missing_header_as_empty=True
    )


def _claims(match: HTTPMatchRequest) -> Iterator[MetadataMatcher]:
    for claims, invert in ((match.claims, False), (match.without_claims, True)):
        for path, value in (claims or {}).items():
            wanted = None if value.kind is MatchKind.PRESENT else string_matcher(value)
            yield claim_matcher(path, wanted, invert=invert)


def _query_parameter(name: str, value: StringMatch) -> QueryParameterMatcher:
    if value.kind is MatchKind.PRESENT:
        return QueryParameterMatcher(name=name, present_match=True)
    return QueryParameterMatcher(name=name, string_match=string_matcher(value))


def string_matcher(value: StringMatch) -> StringMatcher:
    """An Envoy ``StringMatcher``. PRESENT matches every value."""
    if value.kind is MatchKind.EXACT:
        return StringMatcher(exact=value.value)
    if value.kind is MatchKind.PREFIX:
        return StringMatcher(prefix=value.value)
    return StringMatcher(safe_regex=RegexMatcher(regex=value.value if value.kind is MatchKind.REGEX else ".*"))


def matched_path(match: HTTPMatchRequest | None) -> str:
    """The path as Istio writes it into the name of an operation: ``/exact``, ``/prefix*``, or the regex."""
    if match is None or match.uri is None or match.uri in _EVERYTHING:
        return "/*"
    return f"{match.uri.value}*" if match.uri.kind is MatchKind.PREFIX else match.uri.value
