"""Envoy's reading of a query string, and ``QueryParameterMatcher``."""

from __future__ import annotations

from collections.abc import Mapping

from envoy_data_plane.envoy.config.route.v3 import QueryParameterMatcher

from xds.explain import strings


def parse_query(path: str) -> Mapping[str, str]:
    """Parameters as routes are matched against them: not decoded, of several with one name the first, and a name
    without ``=`` has an empty value."""
    _, question, query = path.partition("?")
    found: dict[str, str] = {}
    for item in query.split("&") if question else ():
        name, _, value = item.partition("=")
        found.setdefault(name, value)
    return found


def mismatch(matcher: QueryParameterMatcher, parameters: Mapping[str, str]) -> str | None:
    """Why the parameters do not meet ``matcher``; None if they do."""
    value = parameters.get(matcher.name)
    if matcher.present_match is not None and matcher.present_match is not (value is not None):
        return f"query parameter {matcher.name} is {'absent' if value is None else 'present'}"
    if matcher.string_match is None:
        return None if value is not None or matcher.present_match is not None else f"{matcher.name} is absent"
    if value is None:
        return f"query parameter {matcher.name} is absent"
    if strings.matches(matcher.string_match, value):
        return None
    return f'query parameter {matcher.name} is "{value}"'


def described(matcher: QueryParameterMatcher) -> str:
    """``query parameter a is "b"``."""
    if matcher.string_match is not None:
        return f"query parameter {matcher.name} {strings.described(matcher.string_match)}"
    return f"query parameter {matcher.name} is {'absent' if matcher.present_match is False else 'present'}"
