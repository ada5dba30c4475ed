"""Istio's ``StringMatch``: one of exact, prefix and regex."""

from __future__ import annotations

from xds.config.kinds.re2 import check_re2
from xds.config.reader import Reader
from xds.model.routing import MatchKind, StringMatch

PRESENT = StringMatch(MatchKind.PRESENT)

_ANY_VALUE = "*"


def parse_string_match(reader: Reader) -> StringMatch:
    """A match on a value that may be absent.

    An empty match, an empty prefix and the regex ``*``, which Istio takes for "any value", only ask for presence.
    A regex that RE2 rejects is an error.
    """
    exact = reader.text("exact")
    if exact or reader.has("exact"):
        return StringMatch(MatchKind.EXACT, exact)
    prefix = reader.text("prefix")
    if prefix:
        return StringMatch(MatchKind.PREFIX, prefix)
    regex = reader.text("regex", _ANY_VALUE)
    if regex == _ANY_VALUE:
        return PRESENT
    reason = check_re2(regex)
    if reason:
        reader.error("regex", reason, "invalid-regex")
    return StringMatch(MatchKind.REGEX, regex)


def parse_optional_match(reader: Reader, name: str) -> StringMatch | None:
    """A match in a field; None if the field is absent."""
    child = reader.child(name)
    return parse_string_match(child) if child is not None else None


def parse_match_map(reader: Reader, name: str) -> dict[str, StringMatch] | None:
    """A map of matches by name; None if absent or empty."""
    return {key: parse_string_match(match) for key, match in match_entries(reader, name)} or None


def match_entries(reader: Reader, name: str) -> list[tuple[str, Reader]]:
    """The entries of a map of matches. Null is an error: left out, it would widen what the rest matches."""
    matches = reader.child(name)
    if matches is None:
        return []
    for key, match in matches.value.items():
        if match is None:
            reader.error((name, key), "must not be null: {} asks for its presence", "missing-field")
    return reader.entries(name)
