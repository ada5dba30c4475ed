"""Envoy's ``MetadataMatcher``: what filters have noted about a request, such as the claims of its token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from envoy_data_plane.envoy.type.matcher.v3 import DoubleMatcher, MetadataMatcher, ValueMatcher

from xds.explain import strings
from xds.explain.condition import Condition
from xds.explain.stream import Metadata

_ABSENT = object()
"""What is found where nobody has noted anything."""


def noted(matcher: MetadataMatcher, metadata: Metadata) -> Condition:
    """Whether what was noted is as asked."""
    found = _find(metadata.get(matcher.filter), _path(matcher))
    seen = "it is not there" if found is _ABSENT else f"it is {_shown(found)}"
    holds = _matches(matcher.value or ValueMatcher(), found) is not matcher.invert
    return Condition(holds, described_note(matcher), seen)


def described_note(matcher: MetadataMatcher) -> str:
    """``envoy.filters.http.jwt_authn payload.sub is "a"``."""
    text = f"{matcher.filter} {'.'.join(_path(matcher))} {_described(matcher.value or ValueMatcher())}"
    return f"not: {text}" if matcher.invert else text


def _path(matcher: MetadataMatcher) -> list[str]:
    return [segment.key or "" for segment in matcher.path]


def _find(value: object, path: Sequence[str]) -> object:
    for key in path:
        if not isinstance(value, Mapping) or key not in value:
            return _ABSENT
        value = value[key]
    return _ABSENT if value is None and not path else value


def _matches(matcher: ValueMatcher, value: object) -> bool:
    if matcher.string_match is not None:
        return isinstance(value, str) and strings.matches(matcher.string_match, value)
    if matcher.list_match is not None:
        one_of = matcher.list_match.one_of or ValueMatcher()
        return isinstance(value, list) and any(_matches(one_of, item) for item in value)
    if matcher.or_match is not None:
        return any(_matches(each, value) for each in matcher.or_match.value_matchers)
    if matcher.present_match is not None:
        return matcher.present_match and value is not _ABSENT
    if matcher.bool_match is not None:
        return isinstance(value, bool) and value is matcher.bool_match
    if matcher.double_match is not None:
        return isinstance(value, int | float) and not isinstance(value, bool) and _number(matcher.double_match, value)
    return matcher.null_match is not None and value is None


def _number(matcher: DoubleMatcher, value: float) -> bool:
    if matcher.range is not None:
        return matcher.range.start <= value < matcher.range.end
    return value == matcher.exact


def _described(matcher: ValueMatcher) -> str:
    if matcher.string_match is not None:
        return strings.described(matcher.string_match)
    if matcher.list_match is not None:
        return f"is a list with one that {_described(matcher.list_match.one_of or ValueMatcher())}"
    if matcher.or_match is not None:
        return " or ".join(map(_described, matcher.or_match.value_matchers))
    if matcher.present_match is not None:
        return "is there"
    if matcher.bool_match is not None:
        return f"is {str(matcher.bool_match).lower()}"
    return "is null" if matcher.null_match is not None else "is the number that is asked for"


def _shown(value: object) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return "an object" if isinstance(value, Mapping) else str(value).lower()
