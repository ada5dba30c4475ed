"""Envoy's ``StringMatcher``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher

from xds.explain.errors import UnsupportedError
from xds.explain.re2 import full_match


def matches(matcher: StringMatcher, value: str) -> bool:
    """Whether ``value`` is such a string. ``ignore_case`` is without effect on a regular expression."""
    if matcher.safe_regex is not None:
        return full_match(matcher.safe_regex.regex, value)
    for kind, holds in _KINDS.items():
        pattern = getattr(matcher, kind)
        if pattern is not None:
            return holds(_folded(value), _folded(pattern)) if matcher.ignore_case else holds(value, pattern)
    raise UnsupportedError("a custom string matcher")


_KINDS: Mapping[str, Callable[[str, str], bool]] = {
    "exact": str.__eq__,
    "prefix": str.startswith,
    "suffix": str.endswith,
    "contains": str.__contains__,
}


def _folded(text: str) -> str:
    """ASCII letters in lower case; Envoy leaves all others alone."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def described(matcher: StringMatcher) -> str:
    """``is "a"``, ``matches "a+"``."""
    if matcher.safe_regex is not None:
        return f'matches "{matcher.safe_regex.regex}"'
    words = {"exact": "is", "prefix": "begins with", "suffix": "ends with", "contains": "contains"}
    found = next(((words[kind], getattr(matcher, kind)) for kind in words if getattr(matcher, kind) is not None), None)
    text = f'{found[0]} "{found[1]}"' if found else "meets a custom matcher"
    return f"{text} in any case" if matcher.ignore_case else text
