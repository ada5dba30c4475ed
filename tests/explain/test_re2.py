"""RE2's dialect, run by Python's engine."""

from __future__ import annotations

import pytest

from xds.explain.errors import UnsupportedError
from xds.explain.re2 import full_match, replace_all


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("a+", "aa", True),
        ("a+", "aab", False),
        ("a|b", "b", True),
        ("a$", "a", True),
        ("a$", "a\n", False),
        (r"a\z", "a", True),
        ("(?m)a$\nb", "a\nb", True),
        (".", "\n", False),
        ("(?s).", "\n", True),
        (r"\s", "\v", False),
        (r"\s", "\t", True),
        (r"\d", "\u0663", False),
        (r"\w", "\u00e4", False),
        (r"\W", "\u00e4", True),
        (r"\pL", "\u00e4", True),
        (r"\p{^L}", "\u00e4", False),
        (r"\PL", "1", True),
        (r"[[:alpha:]]+", "aZ", True),
        (r"[[:^alpha:]]+", "12", True),
        (r"[^[:digit:]a]", "a", False),
        (r"[\d-]+", "1-2", True),
        (r"[a-c]", "b", True),
        (r"[]a]", "]", True),
        (r"[^]a]", "]", False),
        (r"[[a]", "[", True),
        (r"[a&&b]", "&", True),
        (r"\Qa.b\E", "a.b", True),
        (r"\Qa.b\Ec", "axbc", False),
        (r"\x61\x{62}\143", "abc", True),
        (r"a\Cb", "axb", True),
        ("{", "{", True),
        ("a{,2}", "a{,2}", True),
        ("a{2,}", "aaa", True),
        ("(?i)A", "a", True),
        ("(?i)\u212a", "k", True),
        ("a(?i)b", "aB", True),
        ("a(?i)b", "AB", False),
        ("a(?i)b|c", "C", True),
        ("a(?i)b|c", "aB", True),
        ("(a(?i)b)c", "aBC", False),
        ("(?i:a(?-i)b)", "Ab", True),
        ("(?i:a(?-i)b)", "AB", False),
        ("(?U)a+", "aa", True),
        ("(?<x>a)(?P<y>b)", "ab", True),
        (r"\bab\b", "ab", True),
        (r"(?i)[^a]", "A", False),
    ],
)
def test_a_pattern_matches_the_whole_text(pattern: str, text: str, matches: bool) -> None:
    assert full_match(pattern, text) is matches


@pytest.mark.parametrize(
    ("pattern", "substitution", "text", "result"),
    [
        ("b", "x", "abcb", "axcx"),
        ("(a)(b)", r"\2\1\0\\", "ab", r"baab" + "\\"),
        ("a*", "-", "baac", "-b-c-"),
        ("(a*)(b?)", r"\1-\2", "/a/b", "-/a-/-b"),
        ("^a", "x", "aa", "xa"),
        ("(a)", r"\2", "aa", "aa"),
        ("a", r"\\1", "a", "\\1"),
        ("(?U)(a+)", "x", "aa", "xx"),
    ],
)
def test_every_match_is_replaced(pattern: str, substitution: str, text: str, result: str) -> None:
    assert replace_all(pattern, substitution, text) == result


def test_scripts_of_unicode_are_not_guessed() -> None:
    with pytest.raises(UnsupportedError, match="Greek"):
        full_match(r"\p{Greek}", "a")
