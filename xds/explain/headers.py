"""Envoy's ``HeaderMatcher``."""

from __future__ import annotations

from collections.abc import Sequence

from envoy_data_plane.envoy.config.route.v3 import HeaderMatcher
from envoy_data_plane.envoy.type.matcher.v3 import RegexMatcher, StringMatcher

from xds.explain import strings
from xds.explain.request import Request


def mismatch(matcher: HeaderMatcher, request: Request) -> str | None:
    """Why the request does not meet ``matcher``; None if it does."""
    values = request.values(matcher.name)
    return None if matches(matcher, values) else seen(matcher.name, values)


def matches(matcher: HeaderMatcher, values: Sequence[str]) -> bool:
    """Whether a header with these values, none if it is absent, meets ``matcher``.

    Of several values one has to be as asked, or, inverted, none may be. Without the header nothing but a question for
    its presence is met, inverted or not, unless a missing header counts as an empty one.
    """
    counted = values or (("",) if matcher.treat_missing_header_as_empty else ())
    if _asks_for_presence(matcher):
        wanted = matcher.present_match is not False
        return (bool(counted) is wanted) is not matcher.invert_match
    return bool(counted) and any(_holds(matcher, value) for value in counted) is not matcher.invert_match


def seen(name: str, values: Sequence[str]) -> str:
    """``header a is "b"``, ``header a is absent``."""
    return f"header {name} is " + (" and ".join(f'"{value}"' for value in values) or "absent")


def _asks_for_presence(matcher: HeaderMatcher) -> bool:
    return matcher.range_match is None and _string_matcher(matcher) is None


def _holds(matcher: HeaderMatcher, value: str) -> bool:
    if matcher.range_match is not None:
        number = _integer(value)
        return number is not None and matcher.range_match.start <= number < matcher.range_match.end
    string = _string_matcher(matcher)
    return string is not None and strings.matches(string, value)


def _integer(value: str) -> int | None:
    digits = value.removeprefix("-")
    return int(value) if digits.isascii() and digits.isdecimal() else None


def _string_matcher(matcher: HeaderMatcher) -> StringMatcher | None:
    """The one there is, or what an older form of it means."""
    if matcher.string_match is not None:
        return matcher.string_match
    if matcher.safe_regex_match is not None:
        return StringMatcher(safe_regex=RegexMatcher(regex=matcher.safe_regex_match.regex))
    for kind in ("exact", "prefix", "suffix", "contains"):
        pattern = getattr(matcher, f"{kind}_match")
        if pattern is not None:
            return StringMatcher(**{kind: pattern})
    return None


def described(matcher: HeaderMatcher) -> str:
    """``header a is "b"``, ``header a is present``."""
    if matcher.range_match is not None:
        text = f"is at least {matcher.range_match.start} and below {matcher.range_match.end}"
    else:
        string = _string_matcher(matcher)
        present = "is absent" if matcher.present_match is False else "is present"
        text = strings.described(string) if string is not None else present
    return f"not: header {matcher.name} {text}" if matcher.invert_match else f"header {matcher.name} {text}"
