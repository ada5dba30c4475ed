"""Values of a policy as Envoy compares texts: exact, by a prefix (``abc*``), by a suffix (``*abc``), or any (``*``)."""

from __future__ import annotations

from envoy_data_plane.envoy.type.matcher.v3 import RegexMatcher, StringMatcher

ANY = "*"


def exact(value: str) -> StringMatcher:
    """This and nothing else, whatever is in it."""
    return StringMatcher(exact=value)


def pattern(value: str, *, ignore_case: bool = False) -> StringMatcher:
    """What the value stands for. Of two stars the first counts; one within it stands for itself."""
    if value == ANY:
        return regex(".+")
    if value.startswith(ANY):
        return StringMatcher(suffix=value[1:], ignore_case=ignore_case)
    if value.endswith(ANY):
        return StringMatcher(prefix=value[:-1], ignore_case=ignore_case)
    return StringMatcher(exact=value, ignore_case=ignore_case)


def regex(expression: str) -> StringMatcher:
    """The whole text matches (RE2)."""
    return StringMatcher(safe_regex=RegexMatcher(regex=expression))
